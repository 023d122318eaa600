"""NICE-GAN's networks: a discriminator that also encodes, and a generator that reads its codes. Chen et al., 2020.

https://arxiv.org/abs/2003.00273
"""

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from ..layers.convolution import StridedConv2d
from ..layers.instance_layer import AdaptiveMixedNorm, LearnedMixedNorm
from ..layers.spectral import spectral_norm
from .shapes import refuse

BLOCKS = 6  # residual blocks of a generator
MULTIPLE, SMALLEST = 4, 8  # of the sides of images that are translated, in pixels
FULL = 256  # side of the paper's images, for which alone the full form is the usual one
_LEAST = 3  # pixels of the last halved map of a discriminator
_DEEPEST, _SHALLOWEST = 5, 3  # halvings of a discriminator's global path: the paper's, and those of its local one


class Judged(NamedTuple):
    heads: tuple[Tensor, Tensor, Tensor]  # of small patches [N, 1, h, w], of large ones, of the whole image [N, 1]
    code: Tensor  # z [N, 2 · width, H / 4, W / 4]


class Discriminator(nn.Module):
    """Images → Judged. Its first layers, with the attention behind them, are the encoder of their domain.

    Two halvings; a class activation map (CAM), whose logit is of channels' means and maxima, and whose weights fuse the
    map with itself by a factor λ that starts at 0; then patches of 70 pixels and patches of 286. Of images below 96
    pixels the large patches are halved less often. All but the fusion has spectral norm. 46,874,433 parameters for
    three channels and images from 96 pixels on.

    Images are [N, C, H, W].
    """

    def __init__(self, shape: tuple[int, int, int], width: int):
        super().__init__()
        channels, height, wide = shape
        if not _fits(height, wide):
            refuse("NICE-GAN", height, wide, _fits, "sides must be multiples of 4, and 24 or more")
        code = 2 * width
        self.encoder = spectral_norm(nn.Sequential(*_step(channels, width), *_step(width, code)))
        self.attention = spectral_norm(nn.Linear(2 * code, 1, bias=False))
        self.fusion = nn.Conv2d(2 * code, code, 1)
        self.share = nn.Parameter(torch.zeros(1))  # λ
        self.trunk = spectral_norm(nn.Sequential(*_step(code, 2 * code)))
        self.small = spectral_norm(_patches([2 * code, 4 * code]))
        widths = [2 * code * 2**i for i in range(_halvings(height, wide) - _SHALLOWEST + 2)]
        self.large = spectral_norm(_patches(widths))

    def forward(self, x: Tensor) -> Judged:
        x = self.encoder(x)
        pooled = torch.cat((x.mean((2, 3)), x.amax((2, 3))), 1)
        whole, code = self.attention(pooled), self.fused(x)
        x = self.trunk(code)
        return Judged((self.small(x), self.large(x), whole), code)

    def encode(self, x: Tensor) -> Tensor:
        """z [N, 2 · width, H / 4, W / 4] alone, of images [N, C, H, W]."""
        return self.fused(self.encoder(x))

    def fused(self, x: Tensor) -> Tensor:
        """Maps [N, 2 · width, h, w], fused with what the attention weighs of them → same shape."""
        weighed = torch.cat((x, x), 1) * self.attention.weight.view(1, -1, 1, 1)
        return leaky_relu(self.share * self.fusion(weighed) + x, 0.2)


class Generator(nn.Module):
    """z [N, 2 · width, h, w] → images [N, C, 4 h, 4 w] in [-1, 1].

    Six residual blocks share one scale and one shift, which layers compute from the whole map: of its channels' means
    if `light`, which takes maps of any size and has 8,104,640 parameters for three channels, else of all that is in it,
    with 276,474,560 parameters for maps of 64×64 and no other size.
    """

    def __init__(self, shape: tuple[int, int, int], width: int, light: bool):
        super().__init__()
        channels, height, wide = shape
        deep = 4 * width
        self.enter = nn.Sequential(
            nn.ReflectionPad2d(1), nn.Conv2d(2 * width, deep, 3), LearnedMixedNorm(deep), nn.ReLU()
        )
        seen = deep if light else deep * (height // 4) * (wide // 4)
        pool = nn.AdaptiveAvgPool2d(1) if light else nn.Identity()
        linear = [nn.Linear(inputs, deep, bias=False) for inputs in (seen, deep)]
        self.look = nn.Sequential(pool, nn.Flatten(), linear[0], nn.ReLU(), linear[1], nn.ReLU())
        self.scale, self.shift = nn.Linear(deep, deep, bias=False), nn.Linear(deep, deep, bias=False)
        self.blocks = nn.ModuleList(Block(deep) for _ in range(BLOCKS))
        grown = [layer for inputs, outputs in pairwise((deep, 2 * width, width)) for layer in _grow(inputs, outputs)]
        last = [nn.ReflectionPad2d(3), nn.Conv2d(width, channels, 7, bias=False), nn.Tanh()]
        self.leave = nn.Sequential(*grown, *last)

    def forward(self, code: Tensor) -> Tensor:
        x = self.enter(code)
        seen = self.look(x)
        scale, shift = self.scale(seen), self.shift(seen)
        for block in self.blocks:
            x = block(x, scale, shift)
        return self.leave(x)


class Block(nn.Module):
    """A residual block with AdaLIN: x [N, C, H, W], scale [N, C] and shift [N, C] → [N, C, H, W]."""

    def __init__(self, width: int):
        super().__init__()
        self.pad = nn.ReflectionPad2d(1)
        self.convolutions = nn.ModuleList(nn.Conv2d(width, width, 3, bias=False) for _ in range(2))
        self.norms = nn.ModuleList(AdaptiveMixedNorm(width) for _ in range(2))

    def forward(self, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        y = self.norms[0](self.convolutions[0](self.pad(x)), scale, shift).relu()
        return x + self.norms[1](self.convolutions[1](self.pad(y)), scale, shift)


def _grow(inputs: int, outputs: int) -> list[nn.Module]:
    """Twice as large: each pixel of four times as many channels becomes four pixels."""
    plain = [nn.ReflectionPad2d(1), nn.Conv2d(inputs, outputs, 3, bias=False), LearnedMixedNorm(outputs), nn.ReLU()]
    return [*plain, nn.Conv2d(outputs, 4 * outputs, 1), nn.PixelShuffle(2), LearnedMixedNorm(outputs), nn.ReLU()]


def _step(inputs: int, outputs: int, stride: int = 2) -> list[nn.Module]:
    return [nn.ReflectionPad2d(1), StridedConv2d(inputs, outputs, 4, stride), nn.LeakyReLU(0.2)]


def _patches(widths: list[int]) -> nn.Sequential:
    """Halvings except for the last layer before the logits, which keeps the map."""
    steps = [*pairwise(widths)]
    layers = [layer for i, step in enumerate(steps) for layer in _step(*step, stride=2 if i < len(steps) - 1 else 1)]
    return nn.Sequential(*layers, nn.ReflectionPad2d(1), nn.Conv2d(widths[-1], 1, 4, bias=False))


def _halvings(height: int, width: int) -> int:
    """Of the global path: five, or as many as leave three pixels of the shorter side."""
    side, n = min(height, width), _SHALLOWEST
    while n < _DEEPEST and side >> n + 1 >= _LEAST:
        n += 1
    return n


def _fits(height: int, width: int) -> bool:
    return height % MULTIPLE == width % MULTIPLE == 0 and min(height, width) >> _SHALLOWEST >= _LEAST
