"""The networks of StarGAN: one translator that is given labels, one critic that names them. Choi et al., 2018,
Appendix.

https://arxiv.org/abs/1711.09020
"""

from functools import partial
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..layers.convolution import StridedConv2d, StridedConvTranspose2d
from ..layers.norm import BatchOfOneNorm2d
from .shapes import refuse

MULTIPLE, SMALLEST = 4, 8  # sides of an image are multiples of the one and at least the other, in pixels
_COARSEST = 2  # pixels of a side of the critic's map, at least, if nobody says how often an image is halved
_DEEPEST = 6  # halvings, likewise


class Verdict(NamedTuple):
    """Is x real, and what does it show?"""

    logits: Tensor  # of patches [N, 1, h, w]
    classes: Tensor  # logits of labels [N, K]


class LabelledTranslator(nn.Module):
    """Images [N, C, H, W] and labels [N, size], which are planes beside them → images in [-1, 1] of the same size.

    c7s1-64, d128, d256, R256 × blocks, u128, u64, c7s1, without biases; maps are padded with zeros. Planes are
    constant, and instance norm takes constants away: labels come in at the borders alone, and with reflected ones not
    at all. It has weights, and never the statistics of the past. 8,414,848 + 3,136 · size parameters.
    """

    def __init__(self, channels: int, size: int, blocks: int = 6, width: int = 64):
        super().__init__()
        self.net = nn.Sequential(
            *_normed(nn.Conv2d(channels + size, width, 7, 1, 3, bias=False)),
            *_normed(StridedConv2d(width, 2 * width, 4, 2, 1, bias=False)),
            *_normed(StridedConv2d(2 * width, 4 * width, 4, 2, 1, bias=False)),
            *(_Residual(4 * width) for _ in range(blocks)),
            *_normed(StridedConvTranspose2d(4 * width, 2 * width, 4, 2, 1, bias=False)),
            *_normed(StridedConvTranspose2d(2 * width, width, 4, 2, 1, bias=False)),
            nn.Conv2d(width, channels, 7, 1, 3, bias=False),
            nn.Tanh(),
        )

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        planes = label.to(x)[:, :, None, None].expand(-1, -1, *x.shape[2:])
        return self.net(torch.cat((x, planes), 1))


class _Residual(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        first, second = (nn.Conv2d(width, width, 3, 1, 1, bias=False) for _ in range(2))
        self.body = nn.Sequential(*_normed(first), second, BatchOfOneNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class NamingCritic(nn.Module):
    """Images → Verdict: convolutions of 4×4 and stride 2, of 64, 128, … channels, and two heads without biases.

    One head judges patches, the other sees the whole map. 44,721,088 + 8,192 · labels parameters at 128×128, which is
    halved six times. There is no norm: the gradient of each sample is its own.

    Images are [N, C, H, W].
    """

    def __init__(self, shape: tuple[int, int, int], labels: int, halvings: int, width: int = 64):
        super().__init__()
        channels, height, wide = shape
        widths = [channels, *(width << level for level in range(halvings))]
        layers = [
            layer
            for before, after in pairwise(widths)
            for layer in (StridedConv2d(before, after, 4, 2, 1), nn.LeakyReLU(0.01))
        ]
        self.trunk = nn.Sequential(*layers)
        self.source = nn.Conv2d(widths[-1], 1, 3, 1, 1, bias=False)
        whole = nn.Conv2d(widths[-1], labels, (height >> halvings, wide >> halvings), bias=False)
        self.names = nn.Sequential(whole, nn.Flatten())

    def forward(self, x: Tensor) -> Verdict:
        features = self.trunk(x)
        return Verdict(self.source(features), self.names(features))


def check_translated(height: int, width: int) -> None:
    """UsageError unless both sides are multiples of 4, and 8 or more."""
    if not _translated(height, width):
        refuse("StarGAN", height, width, _translated, "sides must be multiples of 4, and 8 or more")


def halvings_of(height: int, width: int, asked: int | None = None) -> int:
    """How often the critic halves images: as asked, or six times, but until the shorter side has 2 or 3 pixels.

    UsageError unless every halving is even.
    """
    fits = partial(_halved, asked)
    if not fits(height, width):
        how = f"{asked} times" if asked else "until the shorter has 2 or 3 pixels, or six times"
        refuse(
            "StarGAN's critic", height, width, fits, f"sides must halve evenly, {how} (game.halvings says how often)"
        )
    return asked or _usual(height, width)


def _usual(height: int, width: int) -> int:
    return max(1, min((min(height, width) // _COARSEST).bit_length() - 1, _DEEPEST))


def _halved(asked: int | None, height: int, width: int) -> bool:
    times = 2 ** (asked or _usual(height, width))
    return min(height, width) >= times and height % times == width % times == 0


def _translated(height: int, width: int) -> bool:
    return min(height, width) >= SMALLEST and height % MULTIPLE == width % MULTIPLE == 0


def _normed(layer: nn.Conv2d | nn.ConvTranspose2d) -> list[nn.Module]:
    return [layer, BatchOfOneNorm2d(layer.out_channels), nn.ReLU()]
