"""swiss-roll: points along a spiral of roughly unit scale."""

from ..options import DataOptions
from ..points import open_spiral
from ..source import Judged, Source

JUDGED = Judged("pixels", early=("coverage",), final=("coverage", "density", "precision", "recall"))


def open(options: DataOptions, path: str) -> Source:
    """Key image: points [N, 2], 100,000 to train on and 10,000 held out."""
    return open_spiral(options, JUDGED)
