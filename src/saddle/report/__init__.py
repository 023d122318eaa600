"""A run in one self-contained HTML file: curves, samples, scores, settings; nothing is fetched to show it.

Points in the plane also become a film beside it, `samples/landscape.gif`.
"""

import os
from contextlib import suppress
from pathlib import Path

from ..base.errors import SaddleError
from ..base.files import replace
from ..base.folder import RunFolder
from . import page, samples, story


def write(run_dir: str | os.PathLike[str]) -> Path:
    """Write `report.html`, and the film of points, into the run's folder, finished or not; return the report's path.

    Whatever the folder holds: what cannot be read is left out, and the report says so. Raises UsageError where there is
    no run, OSError where nothing can be written.
    """
    run = story.read(RunFolder(run_dir))
    with suppress(SaddleError, OSError, ValueError):  # the pictures are in the report as well
        samples.film(run.folder, run.of("sample"))
    return replace(run.folder.report, page.whole(run).encode("utf-8", "replace"))
