"""ring: points of 8 Gaussians on a circle (radius 1, std 0.01)."""

from ..options import DataOptions
from ..points import judged_by_modes, open_mixture
from ..source import Source

JUDGED = judged_by_modes("ring")


def open(options: DataOptions, path: str) -> Source:
    """Key image: points [N, 2], 100,000 to train on and 10,000 held out."""
    return open_mixture(options, JUDGED)
