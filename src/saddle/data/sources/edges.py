"""edges: thin dark lines where scikit-learn's two photographs change (a), and the photographs in pieces (b)."""

import numpy as np

from ...spec import DataSpec, Field
from ..crops import sides_of_pairs, train_and_held_out
from ..fingerprint import fingerprint
from ..lines import contours
from ..options import AUGMENTATIONS, DataOptions
from ..source import Judged, Source, Split

OFFERS = ("a", "b")  # keys of its batches
JUDGED = Judged()
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
