"""Two ways through a network in tiles: layer by layer, which is exact, or with an overlap, as exact as that is wide."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor, nn

from ..base import telling
from ..spec import Field
from . import tiles

SENSIBLE = 64  # pixels of overlap: with more, tiles are mostly overlap
USUAL = 32  # pixels of overlap where a sensible one is not enough, or nobody knows which one is
SAME = "with the same result"


class Tiling(Protocol):
    """How `room.computed` takes an image through a network in tiles."""

    @property
    def times(self) -> int:
        """How many times as many rows, and columns, come out."""

    @property
    def promise(self) -> str:
        """What the result is beside that of the whole image."""

    def cost(self, height: int, width: int) -> int:
        """About how many bytes of memory so many rows and columns take at once; 0 if nobody knows."""

    def side(self, free: int) -> int:
        """Of tiles for which so many bytes of memory are enough, as far as it is known."""

    def apply(self, x: Tensor, side: int) -> tuple[Tensor, int]:
        """The result [1, C', H', W'] of an image as a batch holds it, [1, …], and the number of tiles."""


@dataclass(frozen=True)
class Exact:
    """Layer by layer, with the statistics of the whole image; see `tiles`."""

    network: nn.Module
    field: Field  # of the images
    statistics: tiles.Statistics | None = None  # in place of the image's own

    times: ClassVar[int] = 1
    promise: ClassVar[str] = SAME

    def cost(self, height: int, width: int) -> int:
        return tiles.cost(self.network, self.field.planes, height, width)

    def side(self, free: int) -> int:
        return tiles.TILE

    def apply(self, x: Tensor, side: int) -> tuple[Tensor, int]:
        """As `Tiling.apply`: [1, …] → [1, C', H', W']."""
        out = tiles.apply(self.network, self.field.as_planes(x), tile=side, statistics=self.statistics).float().cpu()
        return out, math.prod(math.ceil(n / side) for n in x.shape[-2:])


@dataclass(frozen=True)
class Overlapping:
    """Each tile with so many pixels more on each side, which are cut off again: for a network without statistics.

    Exact where a pixel of the result looks no farther than the overlap. The edges of the image are the network's own.
    """

    function: Callable[[Tensor], Tensor]  # images [N, C, h, w] → [N, K, times · h, times · w]
    device: torch.device
    times: int = 1
    overlap: int = USUAL  # pixels
    reach: int | None = None  # how far a pixel of the result looks; None: nobody knows
    multiple: int = 1  # sides of what the function takes are multiples of it,
    smallest: int = 1  # and at least this
    network: nn.Module | None = None  # the same as the function, to tell how much memory it takes
    channels: int = 3

    @property
    def promise(self) -> str:
        if self.reach is not None and self.reach <= self.overlap:
            return SAME
        looks = (
            "nobody knows how far its network looks" if self.reach is None else f"its network looks {self.reach} far"
        )
        return f"approximately as the whole image: they overlap by {self.overlap} pixels, and {looks}"

    def cost(self, height: int, width: int) -> int:
        return 0 if self.network is None else tiles.cost(self.network, self.channels, height, width)

    def side(self, free: int) -> int:
        side = tiles.TILE
        while side > 2 * tiles.SMALLEST and self.cost(*[side + 2 * self.overlap] * 2) > free:
            side //= 2
        return side

    def apply(self, x: Tensor, side: int) -> tuple[Tensor, int]:
        """As `Tiling.apply`: [1, …] → [1, C', H', W']."""
        rows, columns = ([*self._spans(n, side)] for n in x.shape[-2:])
        out, boxes = torch.empty(0), [(down, across) for down in rows for across in columns]
        for down, across in telling.each("tiles", boxes, len(boxes)):
            part = x[..., slice(*down[1]), slice(*across[1])]
            made = self.function(part.to(self.device)).float().cpu()
            if not out.numel():
                out = made.new_empty(*made.shape[:2], *(self.times * n for n in x.shape[-2:]))
            inside, there = zip(*(self._core(*each) for each in (down, across)), strict=True)
            out[..., *there] = made[..., *inside]
        return out, len(boxes)

    def _spans(self, n: int, side: int) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        """Along an axis: which part each tile makes, and which one it is made from."""
        step = math.ceil(side / self.multiple) * self.multiple
        margin = math.ceil(self.overlap / self.multiple) * self.multiple
        for first in range(0, n, step):
            last = min(first + step, n)
            begin, end = max(first - margin, 0), min(last + margin, n)
            missing = max(self.smallest - (end - begin), 0)
            begin = max(begin - missing, 0)
            yield (first, last), (begin, max(end, min(begin + self.smallest, n)))

    def _core(self, own: tuple[int, int], taken: tuple[int, int]) -> tuple[slice, slice]:
        """Where a tile's own part lies in what comes of it, and in the whole result."""
        first, last = (self.times * at for at in own)
        begin = self.times * taken[0]
        return slice(first - begin, last - begin), slice(first, last)
