"""How bright a picture is, and where it changes: what edges and outlines are drawn from."""

import numpy as np
from numpy.typing import NDArray

from .picture import with_channels

Floats = NDArray[np.float64]
_BLURRED = 16**2  # by what _smooth multiplies


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


def contours(picture: NDArray[np.uint8], weak: float, strong: float) -> NDArray[np.bool_]:
    """Lines one pixel thin where a picture [H, W, 3] changes (Canny, 1986): [H, W].

    They are where it is steepest across the line: at least `strong` somewhere on the line, at least `weak` all along,
    both of 255. All comparisons are of whole numbers, so that every machine draws the same lines.
    """
    right, below = slopes(_smooth(brightness(picture)))
    steep = right**2 + below**2
    height, width = steep.shape
    around = np.pad(steep, 1)
    thin = np.zeros(steep.shape, bool)
    flat, upright = abs(below) * 12 < abs(right) * 5, abs(right) * 12 < abs(below) * 5  # within 22.6 degrees
    rising, falling = (~flat & ~upright & (sign * right * below > 0) for sign in (1, -1))
    for where, (down, across) in ((flat, (0, 1)), (upright, (1, 0)), (rising, (1, 1)), (falling, (1, -1))):
        one = around[1 + down : 1 + down + height, 1 + across : 1 + across + width]
        other = around[1 - down : 1 - down + height, 1 - across : 1 - across + width]
        thin |= where & (steep > one) & (steep >= other)
    return _followed(*(thin & (steep >= (_BLURRED * least) ** 2) for least in (weak, strong)))


def _smooth(x: Floats) -> Floats:
    """256 times the brightness, blurred by about one pixel: 1, 4, 6, 4, 1 either way."""
    for _ in range(2):
        p = np.pad(x, ((2, 2), (0, 0)), mode="edge")
        x = (p[:-4] + 4 * p[1:-3] + 6 * p[2:-2] + 4 * p[3:-1] + p[4:]).T  # the other way round next time
    return x


def _followed(weak: NDArray[np.bool_], strong: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What of the weak lines hangs together with a strong one."""
    found, height, width = strong, *strong.shape
    while True:
        around = np.pad(found, 1)
        near = np.zeros_like(found)
        for down in range(3):
            for across in range(3):
                near |= around[down : down + height, across : across + width]
        grown = near & weak
        if (grown == found).all():
            return found
        found = grown
