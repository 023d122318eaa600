"""Fully connected networks, for points and for small images."""

import math
from dataclasses import dataclass

from torch import nn

from ..errors import UsageError
from ..layers.spectral import spectral_norm
from ..spec import DataSpec
from .network import Discriminator, Network


@dataclass(frozen=True)
class MLP(Network):
    """ReLU layers without normalisation, as in the toy examples of Gulrajani et al., 2017, which have 3 of 512."""

    width: int = 512  # units of a hidden layer
    depth: int = 3  # hidden layers
    spectral: bool = False  # spectral norm in the discriminator

    def __post_init__(self) -> None:
        if self.width < 1 or self.depth < 1:
            raise UsageError(f"an MLP wants width and depth of at least 1, not {self.width} and {self.depth}")

    def generator(self, z_dim: int, data: DataSpec) -> nn.Module:
        return nn.Sequential(*self._layers(z_dim, math.prod(data.shape)), *sample_shape(data))

    def discriminator(self, data: DataSpec) -> Discriminator:
        *trunk, head = self._layers(math.prod(data.shape), 1)
        discriminator = Discriminator(nn.Sequential(nn.Flatten(), *trunk), head)
        return spectral_norm(discriminator) if self.spectral else discriminator

    def _layers(self, inputs: int, outputs: int) -> list[nn.Module]:
        layers: list[nn.Module] = []
        for _ in range(self.depth):
            layers += [nn.Linear(inputs, self.width), nn.ReLU()]
            inputs = self.width
        return [*layers, nn.Linear(inputs, outputs)]


def sample_shape(data: DataSpec) -> list[nn.Module]:
    """The end of a fully connected generator: images in [-1, 1], points as they are."""
    return [nn.Tanh(), nn.Unflatten(1, data.shape)] if data.is_image else []
