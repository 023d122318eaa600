"""Maxout discriminators: of the first GAN, on MNIST, and of the protocol that mode collapse is measured with.

Goodfellow et al., 2014. https://arxiv.org/abs/1406.2661; given a label, Mirza & Osindero, 2014.
https://arxiv.org/abs/1411.1784. Srivastava et al., 2017 (VEEGAN).
https://arxiv.org/abs/1705.07761. Lin et al., 2018 (PacGAN). https://arxiv.org/abs/1712.04086
"""

import math
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import torch
from torch import Tensor, nn

from ..base.ranges import PositiveInt, PositiveShare
from ..layers.dropout import Dropout
from ..layers.init import dense
from ..layers.norm import BatchNorm1d
from ..spec import SAMPLES, DataSpec
from .conditional import Joined, ToldDiscriminator, condition_size
from .mlp import sample_shape
from .network import Discriminator, Network

M = TypeVar("M", bound=nn.Module)


class MaxoutLayer(nn.Module):
    """The largest of `pieces` linear functions, unit by unit. Goodfellow et al., 2013.  [N, inputs] → [N, outputs]"""

    def __init__(self, inputs: int, units: int, pieces: int):
        super().__init__()
        self.linear, self.pieces = nn.Linear(inputs, units * pieces), pieces

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x).unflatten(1, (-1, self.pieces)).amax(2)


@dataclass(frozen=True)
class Maxout(Network):
    """Goodfellow et al.'s: ReLU layers against maxout with dropout; 2,503,984 and 1,231,441 parameters at 28×28.

    The generator ends in tanh where the paper has a sigmoid, since images lie in [-1, 1] here.
    """

    takes = SAMPLES

    def generator(self, z_dim: int, data: DataSpec) -> nn.Module:
        layers = [
            nn.Linear(z_dim, 1200),
            nn.ReLU(),
            nn.Linear(1200, 1200),
            nn.ReLU(),
            nn.Linear(1200, math.prod(data.shape)),
        ]
        return _uniform(nn.Sequential(*layers, *sample_shape(data)), 0.05)

    def discriminator(self, data: DataSpec) -> Discriminator:
        layers = [
            nn.Flatten(),
            Dropout(keep=0.8),
            MaxoutLayer(math.prod(data.shape), units=240, pieces=5),
            Dropout(keep=0.5),
            MaxoutLayer(240, units=240, pieces=5),
            Dropout(keep=0.5),
        ]
        return _uniform(Discriminator(nn.Sequential(*layers), nn.Linear(240, 1)), 0.005)


@dataclass(frozen=True)
class ConditionalMaxout(Network):
    """Mirza & Osindero's: 2,413,984 and 1,224,351 parameters at 28×28 with ten classes.

    Input and label have hidden layers of their own, which meet in a joint one. The layers on the label take classes,
    as one-hot rows, and columns of numbers; without labels they are left out. Dropout is on all hidden layers of both
    players. The generator ends in tanh where the paper has a sigmoid, since images lie in [-1, 1] here.
    """

    takes = SAMPLES
    takes_labels: ClassVar[bool] = True
    takes_columns: ClassVar[bool] = True

    keep: PositiveShare = 0.5  # chance that dropout keeps a unit

    def generator(self, z_dim: int, data: DataSpec) -> nn.Module:
        size, drop = condition_size(data), Dropout(self.keep)
        own = nn.Sequential(dense(z_dim, 200), nn.ReLU(), drop)
        of_label = nn.Sequential(nn.Linear(size, 1000), nn.ReLU(), drop) if size else None
        joint = nn.Sequential(
            nn.Linear(1200 if size else 200, 1200),
            nn.ReLU(),
            drop,
            nn.Linear(1200, math.prod(data.shape)),
            *sample_shape(data),
        )
        return _uniform(Joined(own, of_label, joint, data) if of_label else nn.Sequential(own, joint), 0.05)

    def discriminator(self, data: DataSpec) -> Discriminator:
        size, drop = condition_size(data), Dropout(self.keep)
        own = nn.Sequential(nn.Flatten(), MaxoutLayer(math.prod(data.shape), units=240, pieces=5), drop)
        of_label = nn.Sequential(MaxoutLayer(size, units=50, pieces=5), drop) if size else None
        joint = nn.Sequential(MaxoutLayer(290 if size else 240, units=240, pieces=4), drop)
        head = nn.Linear(240, 1)
        if of_label is None:
            return _uniform(Discriminator(nn.Sequential(own, joint), head), 0.005)
        return _uniform(ToldDiscriminator(Joined(own, of_label, joint, data), head), 0.005)


@dataclass(frozen=True)
class MixtureMaxout(Network):
    """For mixtures in the plane, as in VEEGAN and PacGAN: 484,802 and 405,201 parameters, z of length 2.

    ReLU layers with batch norm against three maxout layers. Each more point that the discriminator judges at a time
    (packing) adds 2,000 parameters.
    """

    takes = SAMPLES

    width: PositiveInt = 400  # units of a layer of the generator
    units: PositiveInt = 200  # units of a layer of the discriminator
    pieces: PositiveInt = 5  # linear functions of a unit

    def generator(self, z_dim: int, data: DataSpec) -> nn.Module:
        layers: list[nn.Module] = []
        for inputs in (z_dim, *[self.width] * 3):
            layers += [nn.Linear(inputs, self.width, bias=False), BatchNorm1d(self.width), nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(self.width, math.prod(data.shape)), *sample_shape(data))

    def discriminator(self, data: DataSpec) -> Discriminator:
        first = MaxoutLayer(math.prod(data.shape), self.units, self.pieces)
        others = (MaxoutLayer(self.units, self.units, self.pieces) for _ in range(2))
        return Discriminator(nn.Sequential(nn.Flatten(), first, *others), nn.Linear(self.units, 1))


@torch.no_grad()
def _uniform(network: M, bound: float) -> M:
    for name, parameter in network.named_parameters():
        parameter.zero_() if name.endswith("bias") else parameter.uniform_(-bound, bound)
    return network
