"""The networks of AC-GAN: the paper's for CIFAR-10, and the residual ones of WGAN-GP's conditional CIFAR-10 code.

Odena et al., 2017. https://arxiv.org/abs/1610.09585. Gulrajani et al., 2017. https://arxiv.org/abs/1704.00028
"""

from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import ClassVar

from torch import nn

from ..base.ranges import PositiveInt, PositiveShare
from ..layers.conditional import ClassBatchNorm2d, Projection
from ..layers.convolution import StridedConvTranspose2d
from ..layers.dropout import Dropout
from ..layers.init import small_normal
from ..layers.norm import BatchNorm2d
from ..spec import DataSpec
from .conditional import Beside, condition_size
from .network import Discriminator, Network
from .residual import Generator
from .resnet import ResNet
from .shapes import halvings, image_shape, refuse

LEVELS = 3  # doublings of the generator, halvings of the discriminator


@dataclass(frozen=True)
class ACGAN(Network):
    """Odena et al.'s for CIFAR-10, from 100 latents and ten classes beside them.

    The generator doubles its maps three times by 5×5 kernels; the discriminator has six 3×3 convolutions, every other
    of which halves, with batch norm and dropout. Sides are multiples of 8, from 16 on.
    """

    takes_labels: ClassVar[bool] = True
    takes_columns: ClassVar[bool] = True

    width: PositiveInt = 16  # channels of the discriminator's first layer; each later one has twice as many
    generator_width: PositiveInt = 96  # channels of the generator's last hidden map; each smaller one has twice as many
    keep: PositiveShare = 0.5  # chance that dropout keeps a unit of the discriminator

    def generator(self, z_dim: int, data: DataSpec) -> nn.Module:
        channels, height, width = _shape(data)
        size, small = condition_size(data), (height >> LEVELS, width >> LEVELS)
        widths = [self.generator_width << level for level in reversed(range(LEVELS))]
        layers: list[nn.Module] = [
            nn.Linear(z_dim + size, widths[0] * small[0] * small[1]),
            nn.ReLU(),
            nn.Unflatten(1, (widths[0], *small)),
        ]
        for before, after in pairwise(widths):
            layers += [_up(before, after), BatchNorm2d(after), nn.ReLU()]
        net = small_normal(nn.Sequential(*layers, _up(widths[-1], channels), nn.Tanh()))
        return Beside(net, data) if size else net

    def discriminator(self, data: DataSpec) -> Discriminator:
        channels, height, width = _shape(data)
        widths = [channels, *(self.width << level for level in range(2 * LEVELS))]
        layers: list[nn.Module] = []
        for i, (before, after) in enumerate(pairwise(widths)):
            norm = [BatchNorm2d(after)] if i else []
            conv = nn.Conv2d(before, after, 3, 2 - i % 2, 1, bias=not i)
            layers += [conv, *norm, nn.LeakyReLU(0.2), Dropout(self.keep)]
        units = widths[-1] * (height >> LEVELS) * (width >> LEVELS)
        return small_normal(Discriminator(nn.Sequential(*layers, nn.Flatten()), nn.Linear(units, 1)))


@dataclass(frozen=True)
class ClassResNet(Network):
    """WGAN-GP's residual network with classes: 1,218,307 and, with a head for ten of them, 1,055,115 parameters.

    At 32×32 and from 128 latents. The blocks of the generator have batch norm with a scale and a shift for every class;
    the critic has no norm. In acgan it is given no class; in a game that gives it one it is a projection (Miyato &
    Koyama, 2018).
    """

    takes_labels: ClassVar[bool] = True

    width: PositiveInt = 128  # channels everywhere

    def generator(self, z_dim: int, data: DataSpec) -> nn.Module:
        levels, _ = halvings("ClassResNet", data)
        norm = partial(ClassBatchNorm2d, classes=len(data.classes))
        return Generator(z_dim, data, [self.width] * (levels + 1), norm)

    def discriminator(self, data: DataSpec) -> Discriminator:
        critic = ResNet(self.width).discriminator(data)
        return Discriminator(critic.trunk, Projection(self.width, len(data.classes))) if data.classes else critic


def _up(before: int, after: int) -> nn.Module:
    return StridedConvTranspose2d(before, after, 5, 2, 2, output_padding=1)


def _shape(data: DataSpec) -> tuple[int, int, int]:
    channels, height, width = image_shape("ACGAN", data)
    if not _fits(height, width):
        refuse("ACGAN", height, width, _fits, "sides must be multiples of 8, from 16 on")
    return channels, height, width


def _fits(height: int, width: int) -> bool:
    return height % 8 == 0 and width % 8 == 0 and min(height, width) >= 16
