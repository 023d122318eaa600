"""TensorBoard: files in the folder `tensorboard` of the run. `tensorboard --logdir runs` shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...base.folder import RunFolder
from ...base.plain import text
from ..observing import Logged, Observer
from ._told import numbers

PACKAGES = ("tensorboard",)


class TensorBoard(Observer):
    def __init__(self) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._open = SummaryWriter
        self._writer: Any = None

    def on_start(self, event: Logged, run: Path) -> None:
        # what an earlier process showed beyond this round is void
        self._writer = self._open(str(run / "tensorboard"), purge_step=event["round"] + 1)
        self._writer.add_text("recipe", f"```yaml\n{text(RunFolder(run).recipe)}\n```", event["round"])

    def on_round(self, event: Logged, run: Path) -> None:
        for name, value in numbers(event).items():
            self._writer.add_scalar(name, value, event["round"])
        self._writer.flush()  # a process that is killed does not close

    on_score = on_round

    def on_picture(self, event: Logged, run: Path) -> None:
        import numpy as np
        from PIL import Image

        with Image.open(run / event["file"]) as image:
            pixels = np.asarray(image.convert("RGB"))
        self._writer.add_image("samples", pixels, event["round"], dataformats="HWC")

    def on_verdict(self, event: Logged, run: Path) -> None:
        self._writer.add_text("doctor", event["message"], event["round"])

    def close(self) -> None:
        if self._writer:
            self._writer.close()


TRACKER = TensorBoard
