"""Where activations of large images are kept: in memory up to a budget, the rest in a temporary file."""

from __future__ import annotations

import os
import tempfile
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from ..base.errors import SaddleError


class Shelf:
    """Keeps tensors. The file has no name, so that nothing of it is left, whatever happens to the process.

    It is read and written, not mapped: pages of a map count as memory of the process.
    """

    def __init__(self, budget: int, folder: Path | None = None):
        self.free, self.folder = budget, folder
        self.handle: int | None = None
        self.end = 0
        self.slots: dict[int, list[int]] = defaultdict(list)  # places in the file that are free again, by their size

    def put(self, x: Tensor) -> Kept:
        """Keep x, of any shape; the caller must not change it afterwards."""
        size = x.numel() * x.element_size()
        if size <= self.free:
            self.free -= size
            return Kept(self, x.shape, x.dtype, size, x, None)
        if self.slots[size]:
            place = self.slots[size].pop()
        else:
            place, self.end = self.end, self.end + size
        view = _bytes(x)
        with self._disk():
            written = 0
            while written < size:
                written += os.pwrite(self._file(), view[written:], place + written)
        return Kept(self, x.shape, x.dtype, size, None, place)

    def close(self) -> None:
        if self.handle is not None:
            os.close(self.handle)
            self.handle = None

    def _file(self) -> int:
        if self.handle is None:
            with tempfile.TemporaryFile(dir=self.folder) as file:
                self.handle = os.dup(file.fileno())
        return self.handle

    @contextmanager
    def _disk(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise SaddleError(
                f"so large an image needs a temporary file of {self.end:,} bytes in "
                f"{self.folder or tempfile.gettempdir()} ({error.strerror}); set TMPDIR to a folder with more room"
            ) from error


def _bytes(x: Tensor) -> memoryview:
    """Those of a contiguous tensor themselves."""
    return x.view(torch.uint8).numpy().data.cast("B")


class Kept:
    """Rows [n, C, W] on a shelf."""

    def __init__(
        self, shelf: Shelf, shape: torch.Size, dtype: torch.dtype, size: int, held: Tensor | None, place: int | None
    ):
        self.shelf, self.shape, self.dtype, self.size, self.held, self.place = shelf, shape, dtype, size, held, place

    def copy_to(self, out: Tensor, first: int) -> None:
        """Fill `out` [k, C, W], contiguous, with the rows from `first` on."""
        if self.held is not None:
            out.copy_(self.held[first : first + len(out)])
            return
        assert self.place is not None
        view = _bytes(out)
        begin, read = self.place + first * (self.size // self.shape[0]), 0
        with self.shelf._disk():
            while read < len(view):
                read += os.preadv(self.shelf._file(), [view[read:]], begin + read)

    def drop(self) -> None:
        if self.held is not None:
            self.shelf.free += self.size
            self.held = None
        elif self.place is not None:
            self.shelf.slots[self.size].append(self.place)
            self.place = None


class Plane:
    """An activation [C, H, W] that is written tile by tile, from the top, and read and let go of in the same order."""

    def __init__(self, shelf: Shelf, channels: int, width: int):
        self.shelf, self.channels, self.width = shelf, channels, width
        self.ends = [0]  # the row at which each band begins, and the last one ends
        self.bands: list[Kept] = []
        self._band: Tensor | None = None  # [rows, C, W], not yet complete

    def put(self, x: Tensor, rows: tuple[int, int], columns: tuple[int, int]) -> None:
        """The next tile [1, C, h, w] to the right, or the first one of the next rows."""
        if self._band is None:
            self._band = torch.empty(rows[1] - rows[0], self.channels, self.width, dtype=x.dtype)
        self._band[:, :, columns[0] : columns[1]] = x[0].transpose(0, 1)
        if columns[1] == self.width:
            self.bands.append(self.shelf.put(self._band))
            self.ends.append(rows[1])
            self._band = None

    def rows(self, first: int, last: int) -> Tensor:
        """A copy of these rows: [C, last - first, W]."""
        out = torch.empty(last - first, self.channels, self.width, dtype=self.bands[0].dtype)
        row = first
        while row < last:
            band = bisect_right(self.ends, row) - 1
            end = min(last, self.ends[band + 1])
            self.bands[band].copy_to(out[row - first : end - first], row - self.ends[band])
            row = end
        return out.transpose(0, 1)

    def drop(self, before: int | None = None) -> None:
        """Let go of the bands that end at this row or above it; of all without one."""
        for end, band in zip(self.ends[1:], self.bands, strict=True):
            if before is None or end <= before:
                band.drop()
