"""A run told in one self-contained HTML file: curves, samples, scores, settings; nothing is fetched to show it.

Points in the plane also become a film beside it, `samples/landscape.gif`.
"""

import os
from pathlib import Path

from ..base.files import replace
from ..base.folder import RunFolder
from . import page, samples, story


def write(run_dir: str | os.PathLike[str]) -> Path:
    """Write `report.html`, and the film of points, into the run's folder, finished or not; return the report's path.

    Raises UsageError where there is no run, SaddleError where its files cannot be read.
    """
    run = story.read(RunFolder(run_dir))
    samples.film(run.folder, run.of("sample"))
    return replace(run.folder.report, page.whole(run).encode("utf-8"))
