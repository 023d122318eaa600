"""illustrations: two domains without pairs: scikit-learn's photographs in pieces (a) and drawings after others (b)."""

import numpy as np
from numpy.typing import NDArray

from ...spec import DataSpec, Field
from ..crops import STRIDE, sides_of_pairs, train_and_held_out
from ..fingerprint import fingerprint
from ..lines import brightness, steepness
from ..options import AUGMENTATIONS, DataOptions
from ..source import Judged, Source, Split

OFFERS = ("a", "b")  # keys of its batches
PAIRED = False  # they are of domains of their own
JUDGED = Judged()
PIECES = True  # at the scale of the photographs
LEVELS = 6  # of each colour
RADIUS = 2  # pixels of a stroke of the brush
INK = (25.0, 62.0)  # of 255: where outlines begin to be drawn, and where they are as dark as they get
DARKNESS = 0.9  # what they take from the colour below


def open(options: DataOptions, path: str) -> Source:
    """Keys a and b. To train: the crops in turn, one to a, the illustration of the next to b, so that none is in both.

    The held-out part is for scores and does have pairs: b is the illustration of a.
    """
    spec = spec_of(options, path)
    train, kept = train_and_held_out(sides_of_pairs(options))
    drawn = np.stack([illustration(picture.transpose(1, 2, 0)).transpose(2, 0, 1) for picture in train.pictures])
    dark = train.corners[:, 1:].sum(1) // STRIDE % 2 == 1  # as on a chessboard
    split = Split({"a": train.some(~dark), "b": train.some(dark).of(drawn)}, domains=spec.domains)
    mark = fingerprint(options.source, train.pictures, drawn, train.corners, kept.corners, kept.sides)
    return Source(options.source, spec, split, Split({"a": kept, "b": kept.of(drawn)}), mark, judged=JUDGED)


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, without an image."""
    options.allow("size", *AUGMENTATIONS)
    shape = (3, *sides_of_pairs(options))
    fields = {"a": Field("image", shape, title="photo"), "b": Field("image", shape, title="illustration")}
    return DataSpec(fields, domains=(("a",), ("b",)))


def illustration(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A photograph [H, W, 3] as an illustrator might draw it: strokes of a brush in few colours, and dark outlines."""
    painted = _brushed(_brushed(picture))
    steps = LEVELS - 1
    flat = np.rint(painted * (steps / 255)) * (255 / steps)
    low, high = INK
    ink = DARKNESS * np.clip((steepness(brightness(painted)) - low) / (high - low), 0, 1)
    return np.rint(flat * (1 - ink[..., None])).astype(np.uint8)


def _brushed(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Every pixel becomes the mean of the evenest of the four squares at it (Kuwahara et al., 1976).

    In whole numbers, so that what is evenest is the same on every machine.
    """
    height, width, _ = picture.shape
    around = np.pad(picture.astype(np.int64), ((RADIUS, RADIUS), (RADIUS, RADIUS), (0, 0)), mode="edge")
    count = (RADIUS + 1) ** 2
    total = _sums(around)
    uneven = (count * _sums(around**2) - total**2).sum(2)
    squares = [(slice(top, top + height), slice(left, left + width)) for top in (0, RADIUS) for left in (0, RADIUS)]
    evenest = np.argmin([uneven[square] for square in squares], axis=0)
    chosen = np.take_along_axis(np.stack([total[square] for square in squares]), evenest[None, ..., None], 0)[0]
    return ((chosen + count // 2) // count).astype(np.uint8)


def _sums(x: NDArray[np.int64]) -> NDArray[np.int64]:
    """The sum of every square of RADIUS + 1 pixels, [H - RADIUS, W - RADIUS, C]."""
    side = RADIUS + 1
    for axis in (0, 1):
        x = np.lib.stride_tricks.sliding_window_view(x, side, axis).sum(-1)
    return x
