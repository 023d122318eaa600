"""A game that turns images into their negatives, for tests of what is done around a network."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from saddle.base import rng
from saddle.data.options import DataOptions
from saddle.spec import SEEN, Batch, DataSpec, Field
from saddle.tasks import Move, Translation
from saddle.use.translating import Translator, Way


class Negating(Translation):
    """Refuses sides that are no multiples of 4, as a network with strides would; remembers the sizes that it saw."""

    needs = ("a", "b")
    takes = SEEN

    def __init__(self, a: Field, b: Field, noise: float = 0.0, sized: bool = False):
        super().__init__(DataSpec({"a": a, "b": b}, (("a",), ("b",))))
        self.weight = nn.Parameter(torch.ones(1))
        self.noise, self.is_sized, self.sizes = noise, sized, []

    @property
    def varies(self) -> bool:
        return self.noise > 0

    @property
    def sized(self) -> bool:
        return self.is_sized

    def multiple(self, start: str, to: str) -> int:
        return 4

    def smallest(self, start: str, to: str) -> int:
        return 8

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        raise NotImplementedError

    def translate(self, batch: Batch, to: str) -> Tensor:
        ((start, x),) = batch.items()
        x = self.planes({start: x}, start)
        assert min(x.shape[-2:]) >= 8
        assert all(side % 4 == 0 for side in x.shape[-2:])
        self.sizes.append((*x.shape[-2:],))
        n, _, height, width = x.shape
        x = -x[:, :1] if self.data.fields[to].planes == 1 and x.shape[1] != 1 else -x
        x = x.expand(-1, self.data.fields[to].planes, -1, -1)
        return x + self.noise * rng.randn(n, 1, height, width) if self.noise else x


def image(channels: int = 3, side: int = 32, **more: Any) -> Field:
    return Field("image", (channels, side, side), **more)


def translator(
    game: Translation | None = None, options: DataOptions | None = None, to: str = "b", **way: Any
) -> Translator:
    game = game or Negating(image(), image())
    start = "a" if to == "b" else "b"
    return Translator(game, options or DataOptions(), torch.device("cpu"), Way(start, to, **way))
