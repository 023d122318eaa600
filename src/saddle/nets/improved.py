"""The networks of Improved GAN for CIFAR-10. Salimans et al., 2016. https://arxiv.org/abs/1606.03498"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from ..base.ranges import PositiveInt
from ..layers.convolution import StridedConvTranspose2d
from ..layers.dropout import Dropout
from ..layers.init import M
from ..layers.weight_norm import WeightNorm
from ..spec import DataSpec
from .network import Discriminator, Network
from .parts import Minibatch, Norm, comparison, norms, with_reference
from .resnet import MeanPool
from .shapes import image_shape, refuse


@dataclass(frozen=True)
class Improved(Network):
    """Salimans et al.'s, with weight norm: 4,933,382 and 1,406,804 parameters at 32×32, before any comparison.

    As in the code, the generator's norm shifts but does not scale. The logit is log Σ exp of `outputs` numbers, the
    classes of the paper's semi-supervised discriminator (Section 5). Sides are multiples of 8, from 16 on.
    """

    width: PositiveInt = 96  # channels of the discriminator's first three layers; the later ones have twice as many
    generator_width: PositiveInt = 128
    """channels of the generator's last hidden map; each smaller one has twice as many"""
    outputs: PositiveInt = 10  # numbers behind a logit
    norm: Norm = "batch"  # in the generator
    minibatch: Minibatch = "none"  # how the discriminator compares the samples of a batch

    def generator(self, z_dim: int, data: DataSpec) -> nn.Module:
        channels, height, width = _shape(data)
        small, widths = (height // 8, width // 8), [self.generator_width << level for level in (2, 1, 0)]
        units = widths[0] * small[0] * small[1]
        layers: list[nn.Module] = [
            nn.Linear(z_dim, units, bias=False),
            *self._shifts(units, images=False),
            nn.ReLU(),
            nn.Unflatten(1, (widths[0], *small)),
        ]
        for inputs, outputs in pairwise(widths):
            layers += [_up(inputs, outputs), *self._shifts(outputs), nn.ReLU()]
        layers += [WeightNorm(_up(widths[2], channels), learn_scale=True, std=0.1), nn.Tanh()]
        return with_reference(self.norm, _normal(nn.Sequential(*layers)), (z_dim,))

    def _shifts(self, channels: int, images: bool = True) -> list[nn.Module]:
        made = norms(self.norm, channels, images)
        for norm in made:
            del norm.weight
            norm.register_buffer("weight", torch.ones(channels))  # not a parameter
        return made

    def discriminator(self, data: DataSpec) -> Discriminator:
        channels, _, _ = _shape(data)
        width, wide = self.width, 2 * self.width
        trunk = nn.Sequential(
            Dropout(keep=0.8),
            *_conv(channels, width),
            *_conv(width, width),
            *_conv(width, width, stride=2),
            Dropout(keep=0.5),
            *_conv(width, wide),
            *_conv(wide, wide),
            *_conv(wide, wide, stride=2),
            Dropout(keep=0.5),
            *_conv(wide, wide, padding=0),
            *_conv(wide, wide, kernel=1),
            *_conv(wide, wide, kernel=1),
            MeanPool(),
        )
        compared, (features,) = comparison(self.minibatch, (wide,))
        head = nn.Sequential(self.class_head(features, self.outputs), LogSumExp())
        return _normal(Discriminator(nn.Sequential(*trunk, *compared), head))

    def class_head(self, features: int, classes: int) -> nn.Module:
        return _normal(WeightNorm(nn.Linear(features, classes, bias=False), learn_scale=True, std=0.1))


class LogSumExp(nn.Module):
    """One class against none: [N, K] → [N]."""

    def forward(self, x: Tensor) -> Tensor:
        return x.logsumexp(1)


def _up(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    return StridedConvTranspose2d(inputs, outputs, 5, 2, 2, output_padding=1, bias=False)


def _conv(inputs: int, outputs: int, stride: int = 1, kernel: int = 3, padding: int | None = None) -> list[nn.Module]:
    padding = kernel // 2 if padding is None else padding
    return [WeightNorm(nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)), nn.LeakyReLU(0.2)]


def _normal(network: M) -> M:
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, 0.05)
    return network


def _shape(data: DataSpec) -> tuple[int, int, int]:
    channels, height, width = image_shape("Improved", data)
    if not _fits(height, width):
        refuse("Improved", height, width, _fits, "sides must be multiples of 8, from 16 on")
    return channels, height, width


def _fits(height: int, width: int) -> bool:
    return height % 8 == 0 and width % 8 == 0 and min(height, width) >= 16
