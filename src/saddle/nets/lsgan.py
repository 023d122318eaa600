"""The networks of LSGAN, after VGG's small kernels. Mao et al., 2017, Figure 1. https://arxiv.org/abs/1611.04076"""

from dataclasses import dataclass

from torch import nn

from ..base.ranges import PositiveInt
from ..layers.convolution import StridedConv2d
from ..layers.init import small_normal
from ..layers.norm import BatchNorm2d
from ..spec import DataSpec
from .network import Discriminator, Network
from .shapes import halvings


@dataclass(frozen=True)
class LSGAN(Network):
    """3×3 transposed convolutions, two a size in the small sizes, against 5×5 convolutions.

    15,577,667 and 4,332,545 parameters at 112×112 in colour from 1,024 latents. Other sizes take more or fewer levels:
    the smallest map has 4 to 7 pixels on its shorter side.
    """

    width: PositiveInt = 64  # channels of the largest map
    critic: bool = False  # leave batch norm out of the discriminator, which penalties on each sample's gradient ask for

    def generator(self, z_dim: int, data: DataSpec) -> nn.Module:
        levels, (height, wide) = halvings("LSGAN", data)
        channels = 4 * self.width
        layers: list[nn.Module] = [
            nn.Linear(z_dim, channels * height * wide, bias=False),
            nn.Unflatten(1, (channels, height, wide)),
            BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        ]
        for level in reversed(range(levels)):
            outputs = self.width << min(level, 2)
            layers += _enlarge(channels, outputs, 2)
            if level > 1:
                layers += _enlarge(outputs, outputs, 1)
            channels = outputs
        layers += [nn.ConvTranspose2d(channels, data.shape[0], 3, 1, 1), nn.Tanh()]
        return small_normal(nn.Sequential(*layers))

    def discriminator(self, data: DataSpec) -> Discriminator:
        levels, (height, wide) = halvings("LSGAN", data)
        channels = data.shape[0]
        layers: list[nn.Module] = []
        for level in range(levels):
            outputs, plain = self.width << level, level == 0 or self.critic
            layers += [
                StridedConv2d(channels, outputs, 5, 2, 2, bias=plain),
                *([] if plain else [BatchNorm2d(outputs)]),
                nn.LeakyReLU(0.2, inplace=True),
            ]
            channels = outputs
        head = nn.Sequential(nn.Flatten(), nn.Linear(channels * height * wide, 1))
        return small_normal(Discriminator(nn.Sequential(*layers), head))


def _enlarge(inputs: int, outputs: int, stride: int) -> list[nn.Module]:
    convolution = nn.ConvTranspose2d(inputs, outputs, 3, stride, 1, output_padding=stride - 1, bias=False)
    return [convolution, BatchNorm2d(outputs), nn.ReLU(inplace=True)]
