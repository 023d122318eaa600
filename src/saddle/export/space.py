"""A folder that a Space of Hugging Face runs: ONNX files, a page of gradio, and no torch."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..base.errors import UsageError
from . import space_app

PAGE = """This folder is a page: a tab for each thing that the files do. Choose a seed or load an image, and press
Submit. Try it here:

```sh
pip install -r requirements.txt
python app.py
```

To publish it, create a Gradio Space at Hugging Face and push this folder to it."""
GRADIO = "6.31.0"  # with which the page was tried
REQUIREMENTS = "gradio>=5,<7\nnumpy>=2,<3\nonnxruntime>=1.20,<2\npillow>=10\n"


def check(entries: Iterable[dict[str, Any]], game: str) -> None:
    """UsageError where the page would have nothing to do: no images that are drawn, nor made of one image."""
    if not any(space_app.shown(entry) for entry in entries):
        raise UsageError(
            f"a Space shows images that are drawn, or made of one image, and {game} has neither here; choose --to onnx "
            "or pt2"
        )


def write(folder: Path, title: str) -> None:
    """The page and what it needs; in README.md, what the hub reads first."""
    shutil.copyfile(Path(space_app.__file__), folder / "app.py")
    (folder / "requirements.txt").write_text(REQUIREMENTS)
    readme = folder / "README.md"
    begin, front, rest = readme.read_text().split("---\n", 2)
    more = f"title: {json.dumps(title)}\nsdk: gradio\nsdk_version: {GRADIO}\napp_file: app.py\n"
    head, *text = rest.split("\n## ", 1)
    rest = "\n## ".join([f"{head}\n## The page\n\n{PAGE}\n", *text])
    readme.write_text(f"{begin}---\n{more}{front}---\n{rest}")
