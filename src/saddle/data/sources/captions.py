"""captions: "a small red circle at the left": 96 captions with 200 drawings each; 24 combinations are held out."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...spec import DataSpec
from ...spec.conditions import distribution
from ...spec.grammar import COMBINATIONS, HELD_OUT, caption, render
from ...spec.text import condition_of, packed
from ..fingerprint import InParts, fingerprint
from ..options import DataOptions
from ..sampler import hashed
from ..source import Judged, Rows, Source, Split

SIZE = 32  # pixels, unless asked otherwise
DRAWINGS, HELD_OUT_DRAWINGS = 200, 50  # of each caption
OFFERS = ("image", "caption")  # keys of its batches
JUDGED = Judged(
    early=("attributes",),
    final=(
        *("attributes", "attributes_all", "attribute_size", "attribute_colour", "attribute_shape", "attribute_place"),
        *("attributes_held_out", "attributes_held_out_all"),
    ),
    grammar=True,
)


@dataclass(frozen=True)
class Drawn:
    """Images uint8 [N, 3, H, W], drawn when asked for: the place says which caption and how it is moved and sized."""

    combinations: NDArray[np.int64]  # [K, 4], of one drawing after another
    drawings: int  # of each
    sides: tuple[int, int]

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.uint8)

    def __len__(self) -> int:
        return len(self.combinations) * self.drawings

    def __getitem__(self, places: Any, /) -> np.ndarray:
        path = np.arange(len(self))[places]
        counter = 3 * path[:, None] + np.arange(3) + (len(self.combinations) << 32)  # of each part numbers of its own
        chance = (hashed(counter.astype(np.uint64)) >> np.uint64(11)) / 2.0**53
        return render(self.combinations[path % len(self.combinations)], chance, *self.sides)


def open(options: DataOptions, path: str) -> Source:
    """Keys image and caption; size 32 unless asked otherwise, always in colour."""
    spec, rows = _described(options)
    sides = spec.shape[1:]
    parts = []
    for kept, drawings in ((~HELD_OUT, DRAWINGS), (HELD_OUT, HELD_OUT_DRAWINGS)):
        images = Drawn(COMBINATIONS[kept], drawings, (sides[0], sides[1]))
        parts.append(Split({"image": images, "caption": Rows(rows[kept], np.arange(len(images)) % kept.sum())}))
    seen = InParts(parts[1].columns["image"], (len(parts[1]), *spec.shape))
    mark = fingerprint(options.source, rows, HELD_OUT, DRAWINGS, seen)
    return Source(options.source, spec, parts[0], parts[1], mark, judged=JUDGED)


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, without a drawing."""
    return _described(options)[0]


def _described(options: DataOptions) -> tuple[DataSpec, NDArray[np.int64]]:
    """The spec, and the captions as numbers, [120, L]."""
    options.allow("size")
    texts = [caption(combination) for combination in COMBINATIONS]
    condition = condition_of(texts)
    rows = packed(texts, condition.length)
    trained = distribution(condition, torch.from_numpy(rows[~HELD_OUT]))
    shape = (3, *(options.sides or (SIZE, SIZE)))
    return DataSpec.of(shape, ("image", "caption"), condition=condition, distribution=trained), rows
