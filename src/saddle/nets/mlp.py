"""Fully connected networks, for points, signals and small images."""

import math
from dataclasses import dataclass

from torch import nn

from ..base.ranges import Few, PositiveFloat, PositiveInt
from ..layers.spectral import spectral_norm
from ..spec import SAMPLES, DataSpec
from .network import Discriminator, Network
from .parts import Minibatch, Norm, comparison, norms, with_reference


@dataclass(frozen=True)
class MLP(Network):
    """ReLU layers without normalisation, as in the toy examples of Gulrajani et al., 2017, which have 3 of 512."""

    takes = SAMPLES

    width: PositiveInt = 512  # units of a hidden layer
    depth: Few = 3  # hidden layers
    spectral: bool = False  # spectral norm in the discriminator
    norm: Norm = "none"  # of the hidden layers of both players
    minibatch: Minibatch = "none"  # how the discriminator compares the samples of a batch
    lipschitz: PositiveFloat = 1.0  # K: σ of every layer of the discriminator, where it has spectral norm

    def generator(self, z_dim: int, data: DataSpec) -> nn.Module:
        last = nn.Linear(self.width, math.prod(data.shape))
        return with_reference(self.norm, nn.Sequential(*self._layers(z_dim), last, *sample_shape(data)), (z_dim,))

    def discriminator(self, data: DataSpec) -> Discriminator:
        layers = nn.Sequential(nn.Flatten(), *self._layers(math.prod(data.shape)))
        compared, (features,) = comparison(self.minibatch, (self.width,))
        trunk = with_reference(self.norm, layers, data.shape)
        discriminator = Discriminator(nn.Sequential(trunk, *compared) if compared else trunk, nn.Linear(features, 1))
        return spectral_norm(discriminator, self.lipschitz) if self.spectral else discriminator

    def _layers(self, inputs: int) -> list[nn.Module]:
        layers: list[nn.Module] = []
        for units in (inputs, *[self.width] * (self.depth - 1)):
            layers += [nn.Linear(units, self.width), *norms(self.norm, self.width, images=False), nn.ReLU()]
        return layers


def sample_shape(data: DataSpec) -> list[nn.Module]:
    """The end of a fully connected generator: images in [-1, 1], points and signals as they are."""
    shaped = [nn.Unflatten(1, data.shape)] if len(data.shape) > 1 else []
    return [nn.Tanh(), *shaped] if data.is_image else [*shaped]
