"""shadows: scikit-learn's two photographs in pieces with a cast shadow (a), where it lies (mask) and without it (b)."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ...spec import DataSpec, Field
from ..baselines import Baseline, of_pairs
from ..chance import Floats, uniform
from ..crops import SIZE, sides_of_pairs
from ..damaged import damaged
from ..options import AUGMENTATIONS, DataOptions
from ..source import Judged, Source
from ..trivial import balanced_error, darker, held_out, lab_error

OFFERS = ("a", "b", "mask")  # keys of its batches
JUDGED = Judged()
PIECES = True  # at the scale of the photographs
CORNERS = (4, 7)  # of a shadow
REACH = (0.2, 0.5)  # of the shorter side: from the middle to a corner
MIDDLE = (0.25, 0.75)  # of the sides
KEPT = (0.3, 0.9)  # of the light that a shadow leaves
TINT, BLUE = 0.05, 0.03  # warmer or colder light; and a little more blue in every shadow
BLUR = (0.5, 2.0)  # pixels of 64: deviation of the Gaussian that softens its edge
_FINE = 4  # lines in which the edge is found, of each of a picture's


def open(options: DataOptions, path: str) -> Source:
    """Keys a, b and mask, 1 where the shadow is at least half as dark as it gets.

    The splits' columns `strength` and `softness` [N, 1] say which share of the light each shadow takes, and by how many
    pixels its edge is blurred (a deviation).
    """
    return damaged(options, spec_of(options, path), _shaded, JUDGED)


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, without an image."""
    options.allow("size", *AUGMENTATIONS)
    sides = sides_of_pairs(options)
    image = {key: Field("image", (3, *sides), title=title) for key, title in (("a", "shadow"), ("b", "clear"))}
    return DataSpec({**image, "mask": Field("mask", (1, *sides), title="shadow mask")})


def baselines(source: Source, options: DataOptions) -> Iterable[Baseline]:
    """Those of all pairs; what of L*a*b* is wrong in the input; and how well a threshold finds the shadow."""
    yield from of_pairs(source)
    if options.direction == "a-to-b":
        a, b, mask = held_out(source, "a", "b", "mask")
        error = lab_error(a, b)
        for name, of in (("all", error), ("in the shadow", error[mask]), ("outside", error[~mask])):
            yield Baseline(f"copy, {name}", "the input as it is: |ΔL| + |Δa| + |Δb|", float(of.mean()), "LAB")
        wrong = balanced_error(darker(a), mask)
        yield Baseline("threshold", "shadow is where grey is below 0.75 of its median: BER", wrong, "%")


def _shaded(whole: NDArray[np.uint8], what: str, places: NDArray[np.int64]) -> dict[str, np.ndarray]:
    kept, tint, blur = uniform(f"{what}: light", places, 3).T
    kept, tint = KEPT[0] + (KEPT[1] - KEPT[0]) * kept, TINT * (2 * tint - 1)
    blur = (BLUR[0] + (BLUR[1] - BLUR[0]) * blur) * min(whole.shape[2:]) / SIZE
    dark = softened(shapes(what, places, whole.shape[2], whole.shape[3]), blur)[:, None]
    light = np.stack([kept + tint, kept, kept - tint + BLUE], 1)[:, :, None, None]
    return {
        "a": np.rint(whole * (1 - dark) + whole * light * dark).astype(np.uint8),
        "mask": dark >= 0.5,
        "strength": (1 - kept).astype(np.float32)[:, None],
        "softness": blur.astype(np.float32)[:, None],
    }


def shapes(what: str, places: NDArray[np.int64], height: int, width: int) -> Floats:
    """How much of every pixel lies in the polygon of each place, [N, H, W] in [0, 1]."""
    least, most = CORNERS
    chance = uniform(f"{what}: shape", places, 3 + 2 * most)
    count = np.floor(least + (most + 1 - least) * chance[:, :1])
    corner = np.arange(most)
    kept = np.minimum(corner, count - 1).astype(np.int64)  # corners that are too many lie on the last one
    turn = np.take_along_axis(np.sort(np.where(corner < count, chance[:, 3 : 3 + most], 1), 1), kept, 1)
    reach = np.take_along_axis(chance[:, 3 + most :], kept, 1)
    reach = min(height, width) * (REACH[0] + (REACH[1] - REACH[0]) * reach)
    middle = (MIDDLE[0] + (MIDDLE[1] - MIDDLE[0]) * chance[:, 1:3]) * [width, height]
    x = middle[:, :1] + reach * np.cos(2 * np.pi * turn)
    y = middle[:, 1:] + reach * np.sin(2 * np.pi * turn)
    return _filled(x, y, height, width)


def _filled(x: Floats, y: Floats, height: int, width: int) -> Floats:
    """Polygons with the corners x and y [N, K]: exactly along a line, and each line of pixels is the mean of four."""
    line = ((np.arange(_FINE * height) + 0.5) / _FINE)[None, :, None]
    x, y, x_next, y_next = (values[:, None] for values in (x, y, np.roll(x, -1, 1), np.roll(y, -1, 1)))
    crossed = (y <= line) != (y_next <= line)
    slope = np.where(crossed, y_next - y, 1)
    at = np.where(crossed, x + (line - y) / slope * (x_next - x), np.inf)
    at = np.sort(np.concatenate([at, np.full((*at.shape[:2], at.shape[2] % 2), np.inf)], 2), 2)  # inside is between two
    covered = np.zeros((len(x), _FINE * height, width))
    for k in range(at.shape[2]):
        left = np.clip(at[:, :, k, None] - np.arange(width), 0, 1)  # of each pixel, what lies left of the crossing
        covered += left if k % 2 else -left
    return np.asarray(covered.reshape(len(x), height, _FINE, width).mean(2))


def softened(x: Floats, deviation: Floats) -> Floats:
    """Pictures [N, H, W], each blurred by a Gaussian of its own deviation [N] in pixels, cut off at three of them."""
    reach = int(np.ceil(3 * deviation.max()))
    weights = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * deviation[:, None] ** 2))
    weights /= weights.sum(1, keepdims=True)
    for _ in range(2):
        p = np.pad(x, ((0, 0), (reach, reach), (0, 0)), mode="edge")
        blurred = sum(weights[:, k, None, None] * p[:, k : k + x.shape[1]] for k in range(2 * reach + 1))
        x = np.asarray(blurred).transpose(0, 2, 1)
    return x
