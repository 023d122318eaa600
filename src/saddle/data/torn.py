"""Images of a user's own with a hole in each: which one, its place among the images says, in every epoch."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..spec import LOST, DataSpec
from .fingerprint import fingerprint
from .options import DataOptions
from .source import Derived, Source, Split

VERSION = 1  # of the holes: another number, and the data are others

# For what chance is drawn, the places [N], height and width → bool [N, 1, H, W].
Holes = Callable[[str, NDArray[np.int64], int, int], NDArray[np.bool_]]


def torn(options: DataOptions, spec: DataSpec, whole: Source, holes: Holes) -> Source:
    """The images of a source with holes (a), where these are (mask), and as they are (b)."""
    height, width = spec.shape[1:]

    def split(of: Split, part: str) -> Split:
        images = of.columns["image"]
        hole = Hole(len(images), lambda places: holes(f"holes: {part}", places, height, width))
        return Split({"a": Torn(images, hole), "b": images, "mask": hole})

    heldout = split(whole.heldout, "held out") if whole.heldout else None
    mark = fingerprint("holes", VERSION, whole.fingerprint)
    return Source(options.source, spec, split(whole.train, "train"), heldout, mark, whole.notes)


@dataclass(frozen=True)
class Hole:
    """Where the images have lost their pixels, bool [N, 1, H, W], made when it is asked for."""

    count: int
    make: Callable[[NDArray[np.int64]], NDArray[np.bool_]]

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(bool)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, places: Any, /) -> np.ndarray:
        index = np.arange(self.count)[places]
        hole = self.make(np.atleast_1d(index))
        return hole if np.ndim(index) else hole[0]


@dataclass(frozen=True)
class Torn(Derived):
    """Images that have lost the pixels of a hole; one that is drawn in pieces has its hole in each piece."""

    hole: Hole

    def __getitem__(self, places: Any, /) -> np.ndarray:
        return self._without(self.images[places], places)

    def drawn(self, places: NDArray[np.int64], bits: NDArray[np.uint64]) -> np.ndarray:
        return self._without(self.given(places, bits), places)

    def _without(self, whole: np.ndarray, places: Any) -> np.ndarray:
        lost = LOST if whole.dtype == np.uint8 else LOST * 257  # of 16 bits
        return np.where(self.hole[places], whole.dtype.type(lost), whole)
