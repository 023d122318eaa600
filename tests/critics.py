"""Samples, linear critics, whose penalties are known, and a small one of convolutions."""

import torch
from torch import nn

from saddle.scene import Scene

REAL, FAKE = torch.randn(16, 2), torch.randn(16, 2)
IMAGES, FAKE_IMAGES = torch.randn(6, 3, 8, 8), torch.randn(6, 3, 8, 8)


def linear(*w: float):
    weight = torch.tensor(w)
    return lambda x: x @ weight.to(x)


def value(penalty, score=None, real=REAL, fake=FAKE, rounds: int = 0) -> float:
    return float(penalty(rounds, Scene(score or linear(3, 4), real, fake)))


def conv_critic() -> nn.Module:
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 2, 3, 2), nn.Tanh(), nn.Flatten(), nn.Linear(18, 1), nn.Flatten(0)]
    return nn.Sequential(*layers).double()
