"""digits-rotated: pairs: an upright digit (a) and the same one turned by up to 60 degrees either way (b)
digits-rotated:DEGREES: the same, turned by up to so many degrees, such as digits-rotated:30
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ...base.errors import UsageError
from ...base.memory import check_fits
from ...spec import DataSpec, Field
from ..baselines import Baseline, Labelled, of_classifiers, of_pairs
from ..digits import TRAINED, bilinear, chances, labels, sides, small
from ..fingerprint import fingerprint
from ..options import AUGMENTATIONS, DataOptions
from ..source import Judged, Source, Split

OFFERS = ("a", "b")  # keys of its batches
FILES = False  # its place is an angle
JUDGED = Judged("digits", early=("accuracy",), final=("accuracy", "fid", "kid"))
SIZE = 24  # pixels, unless asked otherwise: digits of 16×16 with 4 pixels of black around, in which they turn
DEGREES = 60.0
_BLOCK = 2**17  # pixels that are turned at a time


def open(options: DataOptions, path: str) -> Source:
    """Keys a and b. label_a and label_b say which digit it is; they serve the scores alone."""
    spec = spec_of(options, path)
    height, width = spec.shape[1:]
    all_, by = small(), angles(_degrees(path))
    check_fits(2 * len(all_) * height * width, f"the {len(all_):,} pairs of digits of {height}×{width} pixels")
    pairs = np.empty((2, len(all_), 1, height, width), np.uint8)
    rows = max(_BLOCK // (height * width), 1)
    for start in range(0, len(all_), rows):
        part = slice(start, start + rows)
        upright = framed(all_[part], height, width)
        pairs[:, part, 0] = np.rint(255 * np.stack([upright, turned(upright, by[part])]))
    a, b = pairs
    known = labels()
    train, heldout = (
        Split({"a": a[part], "b": b[part], "label_a": known[part], "label_b": known[part]})
        for part in (slice(TRAINED), slice(TRAINED, None))
    )
    return Source(options.source, spec, train, heldout, fingerprint(a, b, TRAINED), judged=JUDGED)


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, without an image."""
    options.allow("size", *AUGMENTATIONS)
    _degrees(path)
    shape = (1, *sides(options, SIZE))
    return DataSpec({"a": Field("image", shape, title="upright"), "b": Field("image", shape, title="turned")})


def baselines(source: Source, options: DataOptions) -> Iterable[Baseline]:
    """Of the pairs that are held out, and of classifiers of the digits at 24×24 pixels, all of them labelled."""
    upright, known = framed(small(), SIZE, SIZE), labels()
    degrees = _degrees(options.source.partition(":")[2])
    first = Labelled("digits", upright, known, TRAINED)
    other = Labelled(f"digits turned by up to {degrees:g}°", turned(upright, angles(degrees)), known, TRAINED)
    return [*of_pairs(source), *of_classifiers(first, other)]


def framed(small: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """Digits [N, 8, 8] in the middle two thirds of images [N, height, width]."""
    down, across = (_frame(side) for side in (height, width))
    return np.asarray(down @ small @ across.T)


def _frame(side: int) -> NDArray[np.float64]:
    """Weights [side, 8] that resize a line of 8 pixels and put it into the middle."""
    edge = round(side / 6)
    weights = np.zeros((side, 8))
    weights[edge : side - edge] = bilinear(8, side - 2 * edge)
    return weights


def turned(images: NDArray[np.float64], angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Images [N, H, W] turned about their middle by angles [N] in radians, bilinearly; outside is black."""
    height, width = images.shape[1:]
    y, x = np.arange(height)[:, None] - (height - 1) / 2, np.arange(width) - (width - 1) / 2
    cos, sin = np.cos(angles)[:, None, None], np.sin(angles)[:, None, None]
    row = (y * cos + x * sin + (height + 1) / 2).clip(0, height + 1)  # where each pixel comes from, [N, H, W],
    column = (x * cos - y * sin + (width + 1) / 2).clip(0, width + 1)  # in the image with an edge of one black pixel
    top, left = np.minimum(row.astype(int), height), np.minimum(column.astype(int), width)
    down, right = row - top, column - left
    padded, n = np.pad(images, ((0, 0), (1, 1), (1, 1))), np.arange(len(images))[:, None, None]
    above = padded[n, top, left] * (1 - right) + padded[n, top, left + 1] * right
    below = padded[n, top + 1, left] * (1 - right) + padded[n, top + 1, left + 1] * right
    return np.asarray(above * (1 - down) + below * down)


def angles(degrees: float) -> NDArray[np.float64]:
    """By how much each of the digits is turned, in radians: evenly between the two ends, always the same."""
    return np.radians(degrees) * (2 * chances(len(labels())) - 1)


def _degrees(path: str) -> float:
    try:
        degrees = float(path) if path else DEGREES
    except ValueError:
        degrees = float("nan")
    if not 0 < degrees <= 180:
        raise UsageError(f"digits-rotated:{path}: digits are turned by up to a number of degrees, above 0, at most 180")
    return degrees
