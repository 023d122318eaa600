"""Crops of the two photographs, from which the paired sources make their samples; a strip of each is held out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.errors import UsageError
from .options import DataOptions
from .photographs import HEIGHT, HELD_OUT, NAMES, TRAINED, photograph

SIZE = 64  # pixels, unless asked otherwise
STRIDE = 8  # pixels from one crop to the next
KEPT = 256  # crops that are held out of a source of pairs, spread over both strips
PLAIN = 15.0  # of 255: crops whose values deviate less from their mean, such as white sky, score nobody
ORDER = np.arange(KEPT) * 101 % KEPT  # of these: the first few, which people look at, are of all places
SMALLEST, LARGEST, MULTIPLE = 32, 128, 4  # pixels of a side of a pair


@dataclass(frozen=True)
class Crops:
    """Images uint8 [N, C, H, W], cut when asked for."""

    pictures: NDArray[np.uint8]  # [2, C, 427, 640]
    corners: NDArray[np.int64]  # picture, top and left of every crop: [N, 3]
    sides: tuple[int, int]

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.pictures.dtype

    def __len__(self) -> int:
        return len(self.corners)

    def __getitem__(self, places: Any, /) -> np.ndarray:
        windows = np.lib.stride_tricks.sliding_window_view(self.pictures, self.sides, axis=(2, 3))
        which, top, left = self.corners[places].T
        return windows[which, :, top, left]

    def of(self, pictures: NDArray[np.uint8]) -> "Crops":
        """The same pieces of other pictures [2, C, 427, 640]."""
        return replace(self, pictures=pictures)

    def some(self, places: Any) -> "Crops":
        """Some of these crops."""
        return replace(self, corners=self.corners[places])


def sides_of_pairs(options: DataOptions) -> tuple[int, int]:
    """Height and width that were asked for, 64 × 64 by default. UsageError for sizes that pairs do not have."""
    sides = options.sides or (SIZE, SIZE)
    if any(side % MULTIPLE or not SMALLEST <= side <= LARGEST for side in sides):
        raise UsageError(
            f"data.size is {options.size}; {options.source} takes {SMALLEST} to {LARGEST} pixels, multiples of "
            f"{MULTIPLE}"
        )
    return sides[0], sides[1]


def train_and_held_out(sides: tuple[int, int]) -> tuple[Crops, Crops]:
    """Crops in colour: all positions to train on, and 256 to score, no pixel of which is trained on.

    Those of plain sky or plain dark are left out of the scores: there everybody is right.
    """
    pictures = np.ascontiguousarray(np.stack([photograph(name) for name in NAMES]).transpose(0, 3, 1, 2))
    train, kept = (Crops(pictures, corners(strips, *sides), sides) for strips in (trained_strips(), held_out_strips()))
    kept = kept.some([i for i in range(len(kept)) if kept[np.array([i])].std(axis=(2, 3)).mean() >= PLAIN])
    return train, kept.some((np.arange(KEPT) * len(kept) // KEPT)[ORDER])


def trained_strips() -> list[tuple[int, int, int]]:
    """Picture, first column and column after the last of what is trained on."""
    return [(i, *strip) for i, name in enumerate(NAMES) for strip in TRAINED[name]]


def held_out_strips() -> list[tuple[int, int, int]]:
    """Likewise of what is held out."""
    return [(i, *HELD_OUT[name]) for i, name in enumerate(NAMES)]


def corners(strips: Sequence[tuple[int, int, int]], height: int, width: int) -> NDArray[np.int64]:
    """Picture, top and left of every crop inside strips (picture, first column, column after the last), [N, 3]."""
    return np.array(
        [
            (picture, top, left)
            for picture, start, end in strips
            for top in range(0, HEIGHT - height + 1, STRIDE)
            for left in range(start, end - width + 1, STRIDE)
        ]
    )
