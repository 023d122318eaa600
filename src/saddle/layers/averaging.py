"""What can be had without a game: the mean image, and a table that gives every colour the mean colour it becomes."""

from collections.abc import Iterable

import torch
from torch import Tensor

from ..base.errors import UsageError

LEVELS = 16  # of each channel, of an image; a map has a row for each class
MOST_CHANNELS = 3


def mean_image(images: Iterable[Tensor]) -> Tensor:
    """Of images [N, C, H, W] that come in chunks: float32 [1, C, H, W]. UsageError where none comes."""
    total, count = None, 0
    for part in images:
        summed = part.double().sum(0, keepdim=True)
        total, count = summed if total is None else total + summed, count + len(part)
    if total is None:
        raise UsageError("there is no image to take the mean of")
    return (total / count).float()


class ColourTable:
    """From what stands at a pixel to the mean of what stands there in the true image, over all that was shown.

    Of images [N, C, H, W] in [-1, 1] with at most three channels, 16 levels of each; of maps int64 [N, H, W] every one
    of `classes`. Colours that never came have the mean of their neighbourhood: of 8, 4, 2 levels or 1.
    """

    def __init__(self, channels: int, made: int, classes: int | None = None):
        if classes is None and channels > MOST_CHANNELS:
            raise UsageError(f"a table of colours is of at most {MOST_CHANNELS} channels, not {channels}")
        self.sides = (classes,) if classes is not None else (LEVELS,) * channels
        self.is_map = classes is not None
        size = 1
        for side in self.sides:
            size *= side
        self.table: Tensor | None = None
        self.sums, self.counts = torch.zeros(made, size, dtype=torch.float64), torch.zeros(size, dtype=torch.float64)

    def show(self, given: Tensor, truth: Tensor) -> None:
        """Add images or maps, [N, C, H, W] or int64 [N, H, W], and the true images [N, C', H, W]."""
        rows, self.table = self._rows(given).flatten(), None
        size = len(self.counts)
        self.counts += torch.bincount(rows, minlength=size)
        for channel, values in enumerate(truth.double().transpose(0, 1).flatten(1)):
            self.sums[channel] += torch.bincount(rows, weights=values, minlength=size)

    def filled(self) -> Tensor:
        """The table, float32 [rows, C']. UsageError where nothing was shown."""
        if not self.counts.sum():
            raise UsageError("a table of colours needs pairs of images")
        made = len(self.sums)
        sums, counts = self.sums.view(made, *self.sides), self.counts.view(1, *self.sides)
        table = torch.full_like(sums, torch.nan)
        steps = (1, self.sides[0]) if self.is_map else (1, 2, 4, 8, LEVELS)
        for step in steps:
            coarse = _blocks(sums, step) / _blocks(counts, step)
            table = torch.where(table.isnan(), coarse, table)
        return table.flatten(1).T.float()

    def _rows(self, given: Tensor) -> Tensor:
        """The row of each pixel: int64 [N, H, W]."""
        if self.is_map:
            return given
        at = ((given.clamp(-1, 1) + 1) * (LEVELS / 2)).long().clamp(max=LEVELS - 1)
        return sum((at[:, i] * LEVELS ** (len(self.sides) - 1 - i) for i in range(len(self.sides))), at.new_zeros(()))

    def __call__(self, given: Tensor) -> Tensor:
        """The table's result for images [N, C, H, W] or maps int64 [N, H, W]: float32 [N, C', H, W]."""
        if self.table is None:
            self.table = self.filled()
        return self.table[self._rows(given)].movedim(-1, 1)


def _blocks(table: Tensor, step: int) -> Tensor:
    """[K, …] → the sums of blocks of `step` along all but the first, each at all the places of its block."""
    for dim in range(1, table.ndim):
        parts = table.unflatten(dim, (-1, step)).sum(dim + 1, keepdim=True)
        shape = [*parts.shape]
        shape[dim + 1] = step
        table = parts.expand(shape).flatten(dim, dim + 1)
    return table
