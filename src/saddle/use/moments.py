"""Mean and variance of what comes in parts."""

from __future__ import annotations

import torch
from torch import Tensor

CHANNELS = 16  # that are in float64 at once


class Moments:
    """Count, mean and sum of squared deviations of each channel, in float64. Chan, Golub and LeVeque, 1983."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = self.squares = torch.zeros((), dtype=torch.float64)  # each [C] as soon as there is something

    @property
    def variance(self) -> Tensor:
        """The variance of each channel, float64 [C]."""
        return self.squares / self.count

    def add(self, x: Tensor) -> None:
        """Of a part [1, C, h, w]."""
        parts = [torch.var_mean(some.double(), (0, 2, 3), correction=0) for some in x.split(CHANNELS, 1)]
        variance, mean = (torch.cat(part).cpu() for part in zip(*parts, strict=True))
        count = x.shape[2] * x.shape[3]
        self.merge(count, mean, variance * count)

    def merge(self, count: int, mean: Tensor, squares: Tensor) -> None:
        """Add the values of another part: their count, their mean and squared deviations, both [C]."""
        total, apart = self.count + count, mean - self.mean
        self.mean = self.mean + apart * (count / total)
        self.squares = self.squares + squares + apart.square() * (self.count * count / total)
        self.count = total
