"""grid: points of 25 Gaussians, {-4, -2, 0, 2, 4} squared (std 0.05)."""

from ..options import DataOptions
from ..points import judged_by_modes, open_mixture
from ..source import Source

JUDGED = judged_by_modes("grid")


def open(options: DataOptions, path: str) -> Source:
    """Key image: points [N, 2], 100,000 to train on and 10,000 held out."""
    return open_mixture(options, JUDGED)
