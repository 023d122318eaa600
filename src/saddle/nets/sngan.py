"""The networks of SNGAN, with and without labels. Miyato et al., 2018. https://arxiv.org/abs/1802.05957"""

from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Annotated, ClassVar

from torch import nn

from ..base.ranges import PositiveFloat, PositiveInt
from ..base.settings import Before
from ..layers.conditional import ClassBatchNorm2d, Projection
from ..layers.convolution import StridedConv2d, StridedConvTranspose2d
from ..layers.norm import BatchNorm2d
from ..layers.spectral import spectral_norm
from ..spec import DataSpec
from .network import Discriminator, Network
from .residual import Generator, generator_widths, trunk, trunk_widths
from .resnet import convolution, linear
from .shapes import halvings

LEAK = 0.1


@dataclass(frozen=True)
class SNResNet(Network):
    """The ResNet (Appendix B, Tables 4 and 5), from 128 latents: 4,276,739 and 1,053,825 parameters at 32×32.

    Batch norm in the generator, spectral norm in the discriminator, whose features are summed over the image. Images
    of less than 48 pixels take CIFAR-10's layout, others the one of STL-10 and ImageNet. With labels the batch norm
    has a scale and a shift for every class and the discriminator projects (Miyato & Koyama, 2018).
    """

    width: PositiveInt = 64  # channels: small images have 4 times as many in the generator, twice in the discriminator
    lipschitz: PositiveFloat = 1.0  # K: σ of every layer of the discriminator
    bias: Annotated[bool, Before(True)] = True  # of the discriminator's last layer, l; authors' code: none for CIFAR-10

    takes_labels: ClassVar[bool] = True

    def generator(self, z_dim: int, data: DataSpec) -> nn.Module:
        norm = partial(ClassBatchNorm2d, classes=len(data.classes))
        return Generator(z_dim, data, generator_widths(data, self.width), norm)

    def discriminator(self, data: DataSpec) -> Discriminator:
        widths, shrinking = trunk_widths(data, self.width)
        head = Projection(widths[-1], len(data.classes), self.bias)
        return spectral_norm(Discriminator(trunk(data, widths, shrinking), head), self.lipschitz)


@dataclass(frozen=True)
class SNCNN(Network):
    """The plain convolutional network (Table 3), from 128 latents: 3,813,379 and 2,935,873 parameters at 32×32.

    Spectral norm in the discriminator; convolutions of 3×3 that keep the size take turns with 4×4 that halve it.
    """

    width: PositiveInt = 64  # channels of the largest map; every halving doubles them, up to 8 times
    lipschitz: PositiveFloat = 1.0  # K: σ of every layer of the discriminator

    def generator(self, z_dim: int, data: DataSpec) -> nn.Module:
        levels, smallest = halvings("SNCNN", data)
        widths = self._widths(levels)[::-1]
        layers: list[nn.Module] = [linear(z_dim, widths[0] * smallest[0] * smallest[1])]
        layers += [nn.Unflatten(1, (widths[0], *smallest)), BatchNorm2d(widths[0]), nn.ReLU()]
        for before, after in pairwise(widths):
            layers += [_doubling(before, after), BatchNorm2d(after), nn.ReLU()]
        return nn.Sequential(*layers, convolution(widths[-1], data.shape[0], gain=1.0), nn.Tanh())

    def discriminator(self, data: DataSpec) -> Discriminator:
        levels, smallest = halvings("SNCNN", data)
        *inner, last = self._widths(levels)
        before, layers = data.shape[0], list[nn.Module]()
        for width in inner:
            layers += [convolution(before, width), nn.LeakyReLU(LEAK), _halving(width), nn.LeakyReLU(LEAK)]
            before = width
        layers += [convolution(before, last), nn.LeakyReLU(LEAK), nn.Flatten()]
        head = Projection(last * smallest[0] * smallest[1])
        return spectral_norm(Discriminator(nn.Sequential(*layers), head), self.lipschitz)

    def _widths(self, levels: int) -> list[int]:
        return [self.width * min(8, 1 << i) for i in range(levels + 1)]


def _halving(width: int) -> nn.Module:
    return _drawn(StridedConv2d(width, width, 4, 2, 1))


def _doubling(inputs: int, outputs: int) -> nn.Module:
    return _drawn(StridedConvTranspose2d(inputs, outputs, 4, 2, 1))


def _drawn(conv: nn.Conv2d | nn.ConvTranspose2d) -> nn.Module:
    nn.init.xavier_uniform_(conv.weight, 2**0.5)
    nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
    return conv
