"""ToyEnlarging. Enlarges by a network alone, for tests. Nobody, 2026. https://arxiv.org/abs/0000.00000

The first half of a training draws with one network, the second with another; both are kept.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from saddle.spec import Batch, DataSpec
from saddle.tasks import Move, Restoration


class ToyEnlarging(Restoration):
    @dataclass(frozen=True)
    class Options(Restoration.Options):
        width: int = 4  # channels

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        channels, width = data.fields["damaged"].shape[0], self.options.width
        self.generator = nn.Sequential(
            nn.Conv2d(channels, width, 3, 1, 1),
            nn.PReLU(),
            nn.Conv2d(width, channels * self.times**2, 5, 1, 2),
            nn.PixelShuffle(self.times),
        )
        self.first = deepcopy(self.generator).requires_grad_(False)

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        batch = next(batches)
        yield Move("generator", content=l1_loss(self.restore(batch), batch["image"]))

    @property
    def blends(self) -> bool:
        return True

    @property
    def reach(self) -> int:
        return 3

    def network(self, blend: float = 1.0) -> nn.Module:
        mixed = deepcopy(self.generator)
        with torch.no_grad():
            for mine, first in zip(mixed.parameters(), self.first.parameters(), strict=True):
                mine.lerp_(first, 1 - blend)
        return mixed

    def restore(self, batch: Batch) -> Tensor:
        return self.generator(batch["damaged"])
