"""edges: thin dark lines where scikit-learn's two photographs change (a), and the photographs in pieces (b)."""

from collections.abc import Iterable

import numpy as np

from ...spec import DataSpec, Field
from ..baselines import Baseline, of_pairs
from ..crops import sides_of_pairs, train_and_held_out
from ..fingerprint import fingerprint
from ..lines import contours
from ..options import AUGMENTATIONS, DataOptions
from ..source import Judged, Source, Split
from ..trivial import grey, held_out, own_mean, told

OFFERS = ("a", "b")  # keys of its batches
JUDGED = Judged()
PIECES = True  # at the scale of the photographs
WEAK, STRONG = 10.0, 25.0  # of 255: how steep brightness is all along a line, and somewhere on it


def open(options: DataOptions, path: str) -> Source:
    """Keys a, black lines on white in one channel, and b in colour."""
    spec = spec_of(options, path)
    train, kept = train_and_held_out(sides_of_pairs(options))
    lines = [contours(picture.transpose(1, 2, 0), WEAK, STRONG) for picture in train.pictures]
    drawn = np.where(lines, np.uint8(0), np.uint8(255))[:, None]
    splits = [Split({"a": crops.of(drawn), "b": crops}) for crops in (train, kept)]
    mark = fingerprint(options.source, train.pictures, drawn, train.corners, kept.corners, kept.sides)
    return Source(options.source, spec, splits[0], splits[1], mark, judged=JUDGED)


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, without an image."""
    options.allow("size", *AUGMENTATIONS)
    sides = sides_of_pairs(options)
    return DataSpec({"a": Field("image", (1, *sides), title="edges"), "b": Field("image", (3, *sides), title="photo")})


def baselines(source: Source, options: DataOptions) -> Iterable[Baseline]:
    """Those of all pairs, and two that are given something of the photo itself: its colour, or its brightness."""
    yield from of_pairs(source)
    if options.direction == "a-to-b":
        (b,) = held_out(source, "b")
        yield told("own mean colour", "the mean colour of the photo itself", own_mean(b), b)
        yield told("grey", "the photo itself in grey", grey(b), b)
