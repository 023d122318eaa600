"""A grammar of 120 captions, "a small red circle at the left", and the picture that each of them asks for.

Two sizes, four colours, three shapes and five places. Every thing, such as a small red circle, is held out of training
at one of its places: 24 captions in all, whose every word is seen in others.
"""

import math

import numpy as np
from numpy.typing import NDArray

from ..base.errors import UsageError
from .text import words

Floats = NDArray[np.float64]

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "size": ("small", "large"),
    "colour": ("red", "green", "blue", "yellow"),
    "shape": ("circle", "square", "triangle"),
    "place": ("left", "right", "top", "bottom", "centre"),
}
COLOURS = np.array([[230, 50, 50], [40, 190, 70], [60, 110, 245], [245, 215, 50]]) / 255  # on black
RADII = np.array([[0.105, 0.12], [0.165, 0.185]])  # of a circle of the same area, relative to the shorter side
PLACES = np.array(
    [[0.31, 0.5], [0.69, 0.5], [0.5, 0.31], [0.5, 0.69], [0.5, 0.5]]
)  # x and y of the middle, in the sides
JITTER = 0.03  # of the middle, up and down, left and right

COMBINATIONS = np.array(list(np.ndindex(*map(len, ATTRIBUTES.values()))))  # [120, 4]
HELD_OUT = (2 * COMBINATIONS[:, 0] + COMBINATIONS[:, 1] + 3 * COMBINATIONS[:, 2]) % 5 == COMBINATIONS[
    :, 3
]  # 24 of them

_HALF_SIDE = math.sqrt(math.pi) / 2  # of a square as large as the circle of radius 1
_CORNER = math.sqrt(4 * math.pi / (3 * math.sqrt(3)))  # from a triangle's centroid to its corners, likewise


def caption(combination: NDArray[np.int64]) -> str:
    """The words of a size, a colour, a shape and a place [4]."""
    size, colour, shape, where = (names[i] for names, i in zip(ATTRIBUTES.values(), combination, strict=True))
    return f"a {size} {colour} {shape} at the {where}"


def read(text: str) -> list[int]:
    """Size, colour, shape and place of a caption. UsageError for a text that does not name one of each."""
    said = words(text)
    indices = []
    for attribute, names in ATTRIBUTES.items():
        named = [i for i, name in enumerate(names) if name in said]
        if len(named) != 1:
            raise UsageError(f"{text!r} names {len(named)} of the {attribute}s {', '.join(names)}; a caption names one")
        indices += named
    return indices


def render(combinations: NDArray[np.int64], chance: Floats, height: int, width: int) -> NDArray[np.uint8]:
    """Pictures uint8 [N, 3, height, width] of combinations [N, 4]; `chance` in [0, 1) [N, 3] moves and sizes them."""
    size, colour, shape, where = combinations.T
    middle = (PLACES[where] + JITTER * (2 * chance[:, :2] - 1)) * [width, height]
    low, high = RADII[size].T
    radius = (low + (high - low) * chance[:, 2]) * min(height, width)
    covered = np.zeros((len(shape), height, width))
    for kind in np.unique(shape):
        of = shape == kind
        covered[of] = coverage(kind, middle[of], radius[of], height, width)
    return np.rint(255 * covered[:, None] * COLOURS[colour][:, :, None, None]).astype(np.uint8)


def coverage(shape: int, middle: Floats, radius: Floats, height: int, width: int) -> Floats:
    """How much of every pixel lies in a shape, [N, height, width] in [0, 1], by its distance to the edge.

    The middle [N, 2] is that of the surrounding box; the radius [N] is that of a circle of the same area; in pixels.
    """
    x = np.arange(width) + 0.5 - middle[:, 0, None, None]
    y = np.arange(height)[:, None] + 0.5 - middle[:, 1, None, None]
    r = radius[:, None, None]
    if ATTRIBUTES["shape"][shape] == "circle":
        outside = np.sqrt(x**2 + y**2) - r
    elif ATTRIBUTES["shape"][shape] == "square":
        outside = np.maximum(abs(x), abs(y)) - _HALF_SIDE * r
    else:
        y = y - below_middle(shape, r)
        outside = np.maximum(y, math.sqrt(0.75) * abs(x) - y / 2) - _CORNER * r / 2
    return np.clip(0.5 - outside, 0, 1)


def below_middle(shape: int, radius: Floats) -> Floats:
    """How far the centroid of a shape lies below the middle of its box."""
    return _CORNER * radius / 4 if ATTRIBUTES["shape"][shape] == "triangle" else np.zeros_like(radius)
