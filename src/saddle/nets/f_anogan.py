"""The residual networks of f-AnoGAN, those of WGAN-GP for 64×64. Schlegl et al., 2019.
https://doi.org/10.1016/j.media.2019.01.010"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from math import prod

from torch import nn

from ..base.ranges import PositiveInt
from ..layers.norm import BatchNorm2d
from ..spec import DataSpec
from .network import Discriminator, Network
from .resnet import Block, convolution, linear
from .shapes import halvings

layer_norm = partial(nn.GroupNorm, 1)  # of all numbers of a map, with a scale and a shift for each channel


@dataclass(frozen=True)
class FAnoGAN(Network):
    """The authors': 8,539,329 and 7,490,689 parameters at 64×64 in grey from 128 latents; the encoder 8,531,200.

    Batch norm in generator and encoder, layer norm in the critic, whose penalty asks for each sample's own gradient.
    Other sizes take more or fewer blocks; the widths double until they are eight times the first.
    """

    width: PositiveInt = 64  # channels of the largest map

    def generator(self, z_dim: int, data: DataSpec) -> nn.Module:
        widths, smallest = self.widths(data)
        widths = widths[::-1]
        return nn.Sequential(
            linear(z_dim, widths[0] * prod(smallest)),
            nn.Unflatten(1, (widths[0], *smallest)),
            *(Block(i, "up", BatchNorm2d, o, bias=False) for i, o in pairwise(widths)),
            BatchNorm2d(widths[-1]),
            nn.ReLU(),
            convolution(widths[-1], data.shape[0]),
            nn.Tanh(),
        )

    def discriminator(self, data: DataSpec) -> Discriminator:
        return Discriminator(self.trunk(data, layer_norm), self.last(data, 1))

    def encoder(self, z_dim: int, data: DataSpec, bounded: bool = True) -> nn.Module:
        """Images → latents [N, z_dim], in [-1, 1] if they are `bounded`."""
        ends = [nn.Tanh()] if bounded else []
        return nn.Sequential(self.trunk(data, BatchNorm2d), self.last(data, z_dim), *ends)

    def trunk(self, data: DataSpec, norm: Callable[[int], nn.Module]) -> nn.Module:
        """Images → maps [N, 8 width, 4, 4], of the smallest size that there is."""
        widths, _ = self.widths(data)
        first = convolution(data.shape[0], widths[0], gain=1.0)
        return nn.Sequential(first, *(Block(i, "down", norm, o, bias=False) for i, o in pairwise(widths)))

    def last(self, data: DataSpec, outputs: int) -> nn.Module:
        widths, smallest = self.widths(data)
        return nn.Sequential(nn.Flatten(), linear(widths[-1] * prod(smallest), outputs))

    def widths(self, data: DataSpec) -> tuple[list[int], tuple[int, int]]:
        """Channels of every map, the largest first, and the size of the smallest."""
        levels, smallest = halvings("f-AnoGAN", data)
        return [self.width * min(8, 1 << level) for level in range(levels + 1)], smallest
