"""Samples, linear critics, whose penalties are known, and a small one of convolutions."""

import torch
from torch import nn

from saddle.context import Context

_chance = torch.Generator().manual_seed(0)  # the same samples in whatever order the tests run
REAL, FAKE = (torch.randn(16, 2, generator=_chance) for _ in range(2))
IMAGES, FAKE_IMAGES = (torch.randn(6, 3, 8, 8, generator=_chance) for _ in range(2))


def linear(*w: float):
    weight = torch.tensor(w)
    return lambda x: x @ weight.to(x)


def value(penalty, score=None, real=REAL, fake=FAKE, rounds: int = 0) -> float:
    return float(penalty(rounds, Context(score or linear(3, 4), real, fake)))


def conv_critic() -> nn.Module:
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 2, 3, 2), nn.Tanh(), nn.Flatten(), nn.Linear(18, 1), nn.Flatten(0)]
    return nn.Sequential(*layers).double()
