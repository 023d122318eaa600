"""rain: pieces of scikit-learn's two photographs with streaks of rain (a) and as they are (b)."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ...spec import DataSpec, Field
from ..baselines import Baseline, of_pairs
from ..chance import uniform
from ..crops import sides_of_pairs
from ..damaged import damaged
from ..options import AUGMENTATIONS, DataOptions
from ..source import Judged, Source
from ..trivial import held_out, median, told

OFFERS = ("a", "b")  # keys of its batches
JUDGED = Judged()
PIECES = True  # at the scale of the photographs
FEWEST, MOST = 15, 39  # streaks on 64 × 64 pixels, and likewise on larger pieces
SLOPE = 0.5  # columns that a streak moves in a row, at most, either way; alike in one picture
LENGTH = (8.0, 26.0)  # rows of a streak
LIGHT = (0.2, 0.57)  # of white, what a streak adds in its middle
_REACH = 2  # columns that a streak may touch on either side of its middle


def open(options: DataOptions, path: str) -> Source:
    """Keys a and b, in colour. Light is added along 15 to 39 slanted streaks; nothing gets brighter than white."""
    return damaged(options, spec_of(options, path), _wet, JUDGED)


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, without an image."""
    options.allow("size", *AUGMENTATIONS)
    shape = (3, *sides_of_pairs(options))
    return DataSpec({key: Field("image", shape, title=title) for key, title in (("a", "rain"), ("b", "clear"))})


def baselines(source: Source, options: DataOptions) -> Iterable[Baseline]:
    """Those of all pairs, and the median filter that one would try first."""
    a, b = held_out(source, "a", "b")
    return [*of_pairs(source), told("median", "the median of 3 × 3 pixels of the input", median(a), b)]


def _wet(whole: NDArray[np.uint8], what: str, places: NDArray[np.int64]) -> dict[str, np.ndarray]:
    light = streaks(what, places, whole.shape[2], whole.shape[3])
    return {"a": np.rint(np.minimum(whole + 255 * light[:, None], 255)).astype(np.uint8)}


def streaks(what: str, places: NDArray[np.int64], height: int, width: int) -> NDArray[np.float64]:
    """The light that the rain adds to the sample at each place: [N, H, W], 1 is white."""
    area = height * width / 64**2
    most = round(MOST * area)
    picture = uniform(f"{what}: rain", places, 2)
    each = uniform(f"{what}: streaks", places, 6 * most).reshape(len(places), 6, most)
    count = np.floor(area * (FEWEST + (MOST + 1 - FEWEST) * picture[:, :1]))
    slope = SLOPE * (2 * picture[:, 1:] - 1 + 0.1 * (2 * each[:, 0] - 1))
    length = LENGTH[0] + (LENGTH[1] - LENGTH[0]) * each[:, 1]
    top = each[:, 2] * (height + length) - length
    left = each[:, 3] * (width + 2 * SLOPE * height) - SLOPE * height
    bright = (LIGHT[0] + (LIGHT[1] - LIGHT[0]) * each[:, 4]) * (np.arange(most) < count)
    broad = 0.7 + 0.6 * each[:, 5]

    row = np.arange(height)
    along = row - top[..., None]  # [N, streaks, H]: rows below the upper end
    inside = np.clip(np.minimum(along, length[..., None] - along) + 0.5, 0, 1) * bright[..., None]
    middle = left[..., None] + slope[..., None] * row
    light = np.zeros((len(places), height, width + 2 * _REACH))
    sample = np.arange(len(places))[:, None, None]
    for off in range(-_REACH, _REACH + 1):
        column = np.floor(middle).astype(np.int64) + off
        share = np.clip(1 - abs(column - middle) / broad[..., None], 0, 1) * inside
        seen = np.clip(column + _REACH, 0, width + 2 * _REACH - 1)
        np.add.at(light, (sample, row, seen), share)
    return light[..., _REACH:-_REACH]
