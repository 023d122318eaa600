"""The networks of EBGAN, whose discriminator is an autoencoder. Zhao et al., 2016, Appendix.

https://arxiv.org/abs/1609.03126. A reconstruction's error is an energy, low where the data are: `Output.logits` are
minus it, and `Output.features` the code, which the pull-away term looks at.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..base.precision import full
from ..base.ranges import Few, PositiveInt
from ..context import Output
from ..layers.convolution import StridedConv2d, StridedConvTranspose2d
from ..layers.init import small_normal
from ..layers.norm import BatchNorm2d
from ..spec import SAMPLES, DataSpec
from .dcgan import DCGAN
from .mlp import sample_shape
from .network import Discriminator, Network
from .shapes import halvings

HALVINGS = 3  # of the convolutional encoder, at most


class Energy(Discriminator):
    """D(x) = ‖Dec(Enc(x)) - x‖ (Eq. 4), the norm over a whole sample."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module):
        super().__init__(trunk=encoder, head=decoder)

    def forward(self, x: Tensor, label: Tensor | None = None) -> Output:
        code = self.trunk(x)
        error = full(self.head(code)) - full(x)  # x is also the target, and fakes are pulled along this way too
        return Output(-torch.linalg.vector_norm(error.flatten(1), dim=1), code)


@dataclass(frozen=True)
class ConvAutoencoder(Network):
    """A DCGAN generator against an autoencoder of 4×4 convolutions with strides 2, as for LSUN and CelebA.

    The encoder halves the image three times, to 64, 128 and 256 channels at 64×64; smaller images are halved until
    their shorter side has 4 to 7 pixels.
    """

    gives_energies: ClassVar[bool] = True

    width: PositiveInt = 64  # channels of the largest map of the autoencoder; every halving doubles them
    generator_width: PositiveInt = 128  # channels of the generator's largest map

    def generator(self, z_dim: int, data: DataSpec) -> nn.Module:
        return DCGAN(self.generator_width).generator(z_dim, data)

    def discriminator(self, data: DataSpec) -> Energy:
        levels = min(HALVINGS, halvings("ConvAutoencoder", data)[0])
        widths = [self.width << level for level in range(levels)]
        encoder = [StridedConv2d(data.shape[0], widths[0], 4, 2, 1), nn.LeakyReLU(0.2)]
        for inputs, outputs in pairwise(widths):
            encoder += [StridedConv2d(inputs, outputs, 4, 2, 1, bias=False), BatchNorm2d(outputs), nn.LeakyReLU(0.2)]
        decoder: list[nn.Module] = []
        for inputs, outputs in pairwise(reversed(widths)):
            decoder += [
                StridedConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False),
                BatchNorm2d(outputs),
                nn.LeakyReLU(0.2),
            ]
        decoder += [StridedConvTranspose2d(widths[0], data.shape[0], 4, 2, 1)]
        return small_normal(Energy(nn.Sequential(*encoder), nn.Sequential(*decoder)))


@dataclass(frozen=True)
class DenseAutoencoder(Network):
    """Fully connected players, from the grid that the paper searched on MNIST (Table 1)."""

    takes = SAMPLES
    gives_energies: ClassVar[bool] = True

    width: PositiveInt = 800  # units of a hidden layer of the generator
    depth: Few = 3  # hidden layers of the generator
    code: PositiveInt = 256  # units of the autoencoder's one hidden layer

    def generator(self, z_dim: int, data: DataSpec) -> nn.Module:
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise([z_dim, *[self.width] * self.depth]):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(self.width, math.prod(data.shape)), *sample_shape(data))

    def discriminator(self, data: DataSpec) -> Energy:
        size = math.prod(data.shape)
        encoder = nn.Sequential(nn.Flatten(), nn.Linear(size, self.code), nn.ReLU())
        return Energy(encoder, nn.Sequential(nn.Linear(self.code, size), nn.Unflatten(1, data.shape)))
