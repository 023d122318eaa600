"""The model card of an imported run: what the file was, whose it is, and what it does not say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..base import rng
from ..runs.informing import count_parameters
from ..runs.run import Run
from ..show import pictures

PICTURE, SHOWN = "samples.png", 16


def write(run: Run, origin: Mapping[str, Any], code: str, what: str) -> Path:
    """README.md and a picture beside it: samples, or translations of noise, which have no meaning, are left out.

    `code` is the name of the code that saved the weights, `what` a sentence on the network.
    """
    picture = _picture(run)
    licence = str(origin["licence"]).replace("'", "’")
    files = [f"- `{name}`, SHA-256 `{sha256}`" for name, sha256 in origin["files"].items()]
    counts = ", ".join(f"`{name}` {n:,}" for name, n in count_parameters(run.game).items())
    absent = ", ".join(f"`{name}`" for name in origin["absent"])
    parts = [
        f"---\nlicense: other\nlicense_name: '{licence}'\nlibrary_name: saddle-gan\ntags: [gan]\n---",
        f"# {run.recipe.game}, imported from {code}",
        f"{what} It is for {type(run.game).described()}.",
        *([f"![samples]({PICTURE})", f"{SHOWN} samples, seed 0, not chosen."] if picture else []),
        "## Use",
        "```python\nimport saddle\n\nrun = saddle.load('.')\n```",
        "It cannot be trained further, and commands that need the training's data cannot be used on it.",
        "## Where it is from",
        f"Weights of {origin['source']}, converted once. Nothing in these files was run.",
        "\n".join(files),
        f"Parameters: {counts}. Absent, for the file does not hold them: {absent}.",
        "## Licence",
        f"{origin['licence']}. Converting does not change it.",
        "## What to know",
        "\n".join(f"- {note}" for note in [*origin["notes"], _unknown()]),
    ]
    path = run.files.path / "README.md"
    path.write_text("\n\n".join(parts) + "\n")
    return path


def _unknown() -> str:
    return "`recipe.yaml` has the settings of the networks; how they were trained, and on what, nobody wrote down here."


def _picture(run: Run) -> bool:
    """Draw samples, where the game draws some. A translator at least translates, so that what cannot work shows now."""
    forms = run.game.forms()
    form = forms.get("sample")
    if form and not isinstance(form, str):
        pictures.save(pictures.grid(run.sample(SHOWN)), run.files.path / PICTURE)
        return True
    rng.seed(0, "sample")
    for each in forms.values():
        if not isinstance(each, str):
            with torch.no_grad():
                each.compute(*each.draw(1, False))
    return False
