"""Images of many sizes in one flat array."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .mapped import check_whole


@dataclass(frozen=True)
class Ragged:
    """Images [C, H, W], each of its own size, one behind the other."""

    flat: np.ndarray  # all values; a memory map, uint8 or uint16
    shapes: NDArray[np.int64]  # (C, H, W) of each: [N, 3]
    starts: NDArray[np.int64]  # where each begins in `flat`, and the end: [N + 1]

    @classmethod
    def of(cls, flat: np.ndarray, shapes: NDArray[np.int64]) -> "Ragged":
        return cls(flat, shapes, starts(shapes))

    @classmethod
    def like(cls, images: np.ndarray) -> "Ragged":
        """Images of one size, [N, C, H, W], without a copy."""
        return cls.of(images.reshape(-1), np.tile(np.array(images.shape[1:], np.int64), (len(images), 1)))

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.flat.dtype

    def __len__(self) -> int:
        return len(self.shapes)

    def __getitem__(self, row: int, /) -> np.ndarray:
        """One image [C, H, W], without a copy."""
        return self.flat[self.starts[row] : self.starts[row + 1]].reshape(self.shapes[row])

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[row] for row in range(len(self)))


def starts(shapes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where images of these shapes [N, 3] begin, one behind the other, and the end: [N + 1]."""
    return np.concatenate([[0], np.cumsum(shapes.prod(1))]).astype(np.int64)


def cut(images: Ragged, rows: NDArray[np.int64], corners: NDArray[np.int64], sides: tuple[int, int]) -> np.ndarray:
    """Of each row's image the piece with this top and left, [N, 2], and these sides: [N, C, *sides]."""
    check_whole(images.flat)
    height, width = sides
    channels = int(images.shapes[0, 0])
    pieces = np.empty((len(rows), channels, height, width), images.dtype)
    for piece, row, (top, left) in zip(pieces, rows, corners, strict=True):
        piece[:] = images[row][:, top : top + height, left : left + width]
    return pieces
