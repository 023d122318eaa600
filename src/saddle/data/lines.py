"""How bright a picture is, and where it changes: what edges and outlines are drawn from."""

import numpy as np
from numpy.typing import NDArray

from .picture import with_channels

Floats = NDArray[np.float64]


def brightness(picture: NDArray[np.uint8]) -> Floats:
    """Luminance of a picture [H, W, 3], 0 to 255 in whole steps: [H, W]."""
    return with_channels(picture, 1)[..., 0].astype(np.float64)


def slopes(x: Floats) -> tuple[Floats, Floats]:
    """By how much [H, W] grows over two pixels to the right and over two downwards (Sobel, Feldman, 1968)."""
    p = np.pad(x, 1, mode="edge")
    across = p[:-2] + 2 * p[1:-1] + p[2:]
    down = p[:, :-2] + 2 * p[:, 1:-1] + p[:, 2:]
    return (across[:, 2:] - across[:, :-2]) / 4, (down[2:] - down[:-2]) / 4


def steepness(x: Floats) -> Floats:
    """The length of both slopes, [H, W]."""
    right, below = slopes(x)
    return np.sqrt(right**2 + below**2)
