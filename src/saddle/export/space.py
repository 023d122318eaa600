"""A folder that a Space of Hugging Face runs: ONNX files, a page of gradio, and no torch."""

from __future__ import annotations

import shutil
from pathlib import Path

from ..base.errors import UsageError
from ..tasks import Form

REQUIREMENTS = "gradio>=5,<7\nnumpy>=2,<3\nonnxruntime>=1.20,<2\n"
SHOWN = ("sample", "translate", "restore")  # tasks that the page has something for


def check(forms: dict[str, Form], game: str) -> None:
    """UsageError where the page would have nothing to do: no images that are drawn, nor made of one image alone."""
    for name, form in forms.items():
        drawn = name == "sample" and all(part["distribution"] != "found" for part in form.inputs[0].facts["parts"])
        turned = name.startswith(SHOWN[1:]) and len(form.inputs) == 1 and "palette" not in form.inputs[0].facts
        if (drawn or turned) and "range" in form.outputs[0].facts:
            return
    raise UsageError(
        f"a Space shows images that are drawn, or made of one image, and {game} has neither here; choose --to onnx or "
        "pt2"
    )


def write(folder: Path, title: str) -> None:
    """The page and what it needs; in README.md, what the hub reads first."""
    shutil.copyfile(Path(__file__).with_name("space_app.py"), folder / "app.py")
    (folder / "requirements.txt").write_text(REQUIREMENTS)
    readme = folder / "README.md"
    begin, front, rest = readme.read_text().split("---\n", 2)
    more = f"title: {title}\nsdk: gradio\napp_file: app.py\n"
    readme.write_text(f"{begin}---\n{more}{front}---\n{rest}")
