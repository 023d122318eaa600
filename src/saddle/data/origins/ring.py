"""ring: points of 8 Gaussians on a circle (radius 1, std .01)."""

from saddle.data.options import DataOptions
from saddle.data.points import open_mixture
from saddle.data.source import Source


def open(options: DataOptions, place: str) -> Source:
    """Key image: points [N, 2], 100,000 to train on and 10,000 held out."""
    return open_mixture(options)
