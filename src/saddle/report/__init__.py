"""A run told in one self-contained HTML file: curves, samples, scores, settings; nothing is fetched to show it."""

import os
from pathlib import Path

from ..pictures import replace
from . import page, story


def write(run_dir: str | os.PathLike[str]) -> Path:
    """Write `report.html` into the run's folder, finished or not, and return its path.

    Raises UsageError where there is no run, SaddleError where its files cannot be read.
    """
    told = story.read(Path(run_dir))
    return replace(told.folder / "report.html", page.whole(told).encode("utf-8"))
