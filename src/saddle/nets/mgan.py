"""The networks of MGAN. Hoang et al., 2018. https://arxiv.org/abs/1708.02556

With ten generators of 100 latents, 12,544,131 and 4,198,411 parameters at 32×32, those of the authors' code. Sides of
images are multiples of 8; points have fully connected layers, one of the generators' own and two that they share.
"""

import math
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..layers.convolution import StridedConv2d, StridedConvTranspose2d
from ..layers.init import small_normal
from ..layers.norm import BatchNorm1d, BatchNorm2d
from ..spec import DataSpec
from .mlp import sample_shape
from .shapes import refuse

LEVELS = 3


class OriginOutput(NamedTuple):
    """Is x real, and which generator made it?"""

    logits: Tensor  # [N]
    origin: Tensor  # logits of the generators [N, K]


class Mixture(nn.Module):
    """K first layers of their own, and the rest in common."""

    def __init__(self, stems: nn.ModuleList, trunk: nn.Module):
        super().__init__()
        self.stems, self.trunk = stems, trunk

    def forward(self, z: Tensor) -> Tensor:
        """Samples [N, …] of z [N, z_dim + K]: latents, and a 1 for the generator that each goes to."""
        who = z[:, -len(self.stems) :].argmax(1)
        if torch.compiler.is_exporting():  # a file of layers has one way for all: every stem, of which one is taken
            every = torch.stack([stem(z[:, : -len(self.stems)]) for stem in self.stems], 1)
            place = who.reshape(-1, 1, *[1] * (every.ndim - 2)).expand(-1, 1, *every.shape[2:])
            return self.trunk(every.gather(1, place).squeeze(1))
        rows = [(who == k).nonzero().flatten() for k in range(len(self.stems))]
        hidden = [stem(z[row, : -len(self.stems)]) for stem, row in zip(self.stems, rows, strict=True) if len(row)]
        back = torch.cat(rows).argsort()
        return self.trunk(torch.cat(hidden)[back])


class Discriminator(nn.Module):
    """One trunk under both questions: samples → OriginOutput.  Samples are [N, …]."""

    def __init__(self, trunk: nn.Module, features: int, generators: int):
        super().__init__()
        self.trunk, self.logit, self.origin = trunk, nn.Linear(features, 1), nn.Linear(features, generators)

    def forward(self, x: Tensor) -> OriginOutput:
        features = self.trunk(x)
        return OriginOutput(self.logit(features).flatten(), self.origin(features))


def generator(z_dim: int, generators: int, data: DataSpec, width: int = 128) -> Mixture:
    """[N, z_dim + generators] → images [N, C, H, W] in [-1, 1], points or signals. UsageError for other sides."""
    if not data.is_image:
        shared: list[nn.Module] = [
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, math.prod(data.shape)),
            *sample_shape(data),
        ]
        stems = [nn.Sequential(nn.Linear(z_dim, width), nn.ReLU()) for _ in range(generators)]
        return Mixture(nn.ModuleList(stems), nn.Sequential(*shared))
    height, wide = _smallest(data)
    widths = [width << level for level in reversed(range(LEVELS))]
    units = widths[0] * height * wide
    stems = [nn.Sequential(nn.Linear(z_dim, units), BatchNorm1d(units), nn.ReLU()) for _ in range(generators)]
    layers: list[nn.Module] = [nn.Unflatten(1, (widths[0], height, wide))]
    for inputs, outputs in pairwise(widths):
        layers += [_up(inputs, outputs, bias=False), BatchNorm2d(outputs), nn.ReLU()]
    layers += [_up(widths[-1], data.shape[0]), nn.Tanh()]
    return small_normal(Mixture(nn.ModuleList(stems), nn.Sequential(*layers)))


def discriminator(generators: int, data: DataSpec, width: int = 128) -> Discriminator:
    """Samples → OriginOutput. UsageError for images of other sides."""
    if not data.is_image:
        trunk = [nn.Linear(math.prod(data.shape), width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()]
        flat = [nn.Flatten()] if len(data.shape) > 1 else []
        return Discriminator(nn.Sequential(*flat, *trunk), width, generators)
    height, wide = _smallest(data)
    widths = [data.shape[0], *(width << level for level in range(LEVELS))]
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [StridedConv2d(inputs, outputs, 5, 2, 2), BatchNorm2d(outputs), nn.LeakyReLU(0.2)]
    features = widths[-1] * height * wide
    return small_normal(Discriminator(nn.Sequential(*layers, nn.Flatten()), features, generators))


def _up(inputs: int, outputs: int, bias: bool = True) -> nn.ConvTranspose2d:
    return StridedConvTranspose2d(inputs, outputs, 5, 2, 2, output_padding=1, bias=bias)


def _smallest(data: DataSpec) -> tuple[int, int]:
    _, height, width = data.shape
    if not _fits(height, width):
        refuse("MGAN", height, width, _fits, f"sides must be multiples of {1 << LEVELS}")
    return height >> LEVELS, width >> LEVELS


def _fits(height: int, width: int) -> bool:
    return height % (1 << LEVELS) == 0 and width % (1 << LEVELS) == 0
