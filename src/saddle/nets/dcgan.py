"""The all-convolutional network of DCGAN. Radford et al., 2015. https://arxiv.org/abs/1511.06434"""

from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Annotated

from torch import nn

from ..base.ranges import PositiveFloat, PositiveInt, between
from ..layers.convolution import StridedConv2d, StridedConvTranspose2d
from ..layers.init import small_normal
from ..layers.spectral import spectral_norm
from ..spec import DataSpec
from .network import Discriminator, Network
from .parts import Minibatch, Norm, comparison, norms, with_reference
from .shapes import halvings


@dataclass(frozen=True)
class DCGAN(Network):
    """Radford et al.'s layers in the sizes of the torch code: 3,576,704 and 2,765,568 parameters at 64×64.

    With 5×5 kernels, as in the authors' first code, in Theano: 5,126,720 and 4,315,584; with `biases` too, as in
    AnoGAN's code: 5,135,363 and 4,316,545. Other sizes take more or fewer levels: the smallest map has 4 to 7
    pixels on its shorter side.
    """

    width: PositiveInt = 64  # channels of the largest map; every halving doubles them
    kernel: Annotated[int, between(4, 5)] = 4  # of the convolutions that halve or double, 4×4 or 5×5
    spectral: bool = False  # spectral norm in the discriminator
    critic: bool = False  # leave the norm out of the discriminator, which penalties on each sample's gradient ask for
    norm: Norm = "batch"  # of both players
    minibatch: Minibatch = "none"  # how the discriminator compares the samples of a batch
    biases: bool = False  # of all layers, also before a norm; the generator's first is then dense, as in AnoGAN's code
    lipschitz: PositiveFloat = 1.0  # K: σ of every layer of the discriminator, where it has spectral norm

    def generator(self, z_dim: int, data: DataSpec) -> nn.Module:
        levels, smallest = halvings("DCGAN", data)
        widths = [self.width << level for level in reversed(range(levels))]
        first = [nn.Unflatten(1, (z_dim, 1, 1)), nn.ConvTranspose2d(z_dim, widths[0], smallest, bias=False)]
        if self.biases:  # one for each number of the map
            first = [nn.Linear(z_dim, widths[0] * prod(smallest)), nn.Unflatten(1, (widths[0], *smallest))]
        layers: list[nn.Module] = [*first, *norms(self.norm, widths[0]), nn.ReLU(inplace=True)]
        for inputs, outputs in pairwise(widths):
            layers += [
                self._double(inputs, outputs),
                *norms(self.norm, outputs),
                nn.ReLU(inplace=True),
            ]
        layers += [self._double(widths[-1], data.shape[0]), nn.Tanh()]
        return with_reference(self.norm, small_normal(nn.Sequential(*layers)), (z_dim,))

    def discriminator(self, data: DataSpec) -> Discriminator:
        levels, smallest = halvings("DCGAN", data)
        widths = [self.width << level for level in range(levels)]
        norm: Norm = "none" if self.critic else self.norm
        plain = (
            norm == "none" or self.biases
        )  # without norms there are no shifts, so that D(αx) = αD(x) for all α > 0, except for biases
        layers: list[nn.Module] = [
            self._halve(data.shape[0], widths[0], bias=plain),
            nn.LeakyReLU(0.2, inplace=True),
        ]
        for inputs, outputs in pairwise(widths):
            layers += [
                self._halve(inputs, outputs, bias=plain),
                *norms(norm, outputs),
                nn.LeakyReLU(0.2, inplace=True),
            ]
        features = with_reference(norm, nn.Sequential(*layers), data.shape)
        compared, shape = comparison(self.minibatch, (widths[-1], *smallest))
        head = nn.Conv2d(shape[0], 1, smallest, bias=plain) if len(shape) == 3 else nn.Linear(shape[0], 1, bias=plain)
        trunk = nn.Sequential(features, *compared) if compared else features
        discriminator = small_normal(Discriminator(trunk, head))
        return spectral_norm(discriminator, self.lipschitz) if self.spectral else discriminator

    def _double(self, inputs: int, outputs: int) -> nn.Module:
        odd = self.kernel % 2
        return StridedConvTranspose2d(inputs, outputs, self.kernel, 2, 1 + odd, output_padding=odd, bias=self.biases)

    def _halve(self, inputs: int, outputs: int, bias: bool) -> nn.Module:
        return StridedConv2d(inputs, outputs, self.kernel, 2, 1 + self.kernel % 2, bias=bias)
