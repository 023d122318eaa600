"""The networks of SAGAN. Zhang et al., 2019. https://arxiv.org/abs/1805.08318"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from torch import nn

from ..base.ranges import NonNegativeInt, PositiveFloat, PositiveInt
from ..layers.conditional import ClassBatchNorm2d, Projection
from ..layers.spectral import spectral_norm
from ..spec import DataSpec
from .network import Discriminator, Network
from .residual import Generator, attending, generator_widths, is_small, trunk, trunk_widths


@dataclass(frozen=True)
class SAGAN(Network):
    """SNGAN's residual networks with self-attention, and spectral norm in both (Section 4).

    For 128×128 and 1,000 classes from 128 latents: 42,017,412 and 39,448,258 parameters with attention at 64×64; with
    `attention` 32, where the authors' code has it: 42,078,852 and 39,463,618.
    """

    width: PositiveInt = 64  # channels: small images have 4 times as many in the generator, twice in the discriminator
    attention: NonNegativeInt | None = None
    """side of the maps that attend, 0 for none; none: 64, but at most half the image's"""
    lipschitz: PositiveFloat = 1.0  # K: σ of every layer of the discriminator

    takes_labels: ClassVar[bool] = True

    def generator(self, z_dim: int, data: DataSpec) -> nn.Module:
        side = attending("SAGAN", data, self.attention)
        norm = partial(ClassBatchNorm2d, classes=len(data.classes))
        return spectral_norm(Generator(z_dim, data, generator_widths(data, self.width), norm, side))

    def discriminator(self, data: DataSpec) -> Discriminator:
        side = attending("SAGAN", data, self.attention)
        widths, shrinking = trunk_widths(data, self.width)
        head = Projection(widths[-1], len(data.classes))
        body = trunk(data, widths, shrinking, not is_small(data), side)
        return spectral_norm(Discriminator(body, head), self.lipschitz)
