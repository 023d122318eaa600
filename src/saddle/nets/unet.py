"""The U-Net from image to image. Ronneberger et al., 2015; Isola et al., 2017. https://arxiv.org/abs/1611.07004"""

from functools import partial

import torch
from torch import Tensor, nn

from ..layers.convolution import StridedConv2d, StridedConvTranspose2d
from ..layers.dropout import Dropout
from ..layers.init import small_normal
from .parts import MapNorm, map_norm
from .shapes import refuse

_DEEPEST = 8  # halvings: the paper's, of 256 pixels to one
_COARSEST = 7  # pixels that the shorter side may have where it is smallest, if nobody says how often it is halved
NOISY = range(3)  # steps up that have dropout, of those with a norm, the first ones


class UNet(nn.Module):
    """Images [N, C, H, W] → images [N, outputs, H, W] in [-1, 1]; each map on the way down is shown on the way up.

    C64-C128-C256-C512-… of kernels 4×4 and stride 2, and back. The first map and the smallest have no norm: by the
    statistics of one pixel that would be 0. Units of the first three steps up are kept with chance `keep`, in use too:
    that is all the noise there is (Section 2.1); `noisy` are other steps. Without a `biased_end` what draws has no bias
    either. 54,413,955 parameters with 8 levels, 3 channels and batch norm.
    """

    def __init__(
        self,
        channels: int,
        outputs: int,
        levels: int,
        width: int,
        norm: MapNorm,
        keep: float,
        biased_end: bool = True,
        noisy: range = NOISY,
    ):
        super().__init__()
        biased = norm == "instance"
        widths = [width * min(2**level, 8) for level in range(levels)]
        down: list[nn.Module] = []
        for level, wide in enumerate(widths):
            before = [nn.LeakyReLU(0.2)] if level else []
            convolution = StridedConv2d(widths[level - 1] if level else channels, wide, 4, 2, 1, bias=biased)
            after = [map_norm(norm, wide)] if 0 < level < levels - 1 else []
            down.append(nn.Sequential(*before, convolution, *after))
        up: list[nn.Module] = []
        for step in range(levels):
            inputs, last = widths[-1 - step] * (2 if step else 1), step == levels - 1
            wide = outputs if last else widths[-2 - step]
            enlarge = StridedConvTranspose2d(inputs, wide, 4, 2, 1, bias=biased or (last and biased_end))
            noise = [Dropout(keep, always=True)] if keep < 1 and step in noisy else []
            up.append(nn.Sequential(nn.ReLU(), enlarge, *([nn.Tanh()] if last else [map_norm(norm, wide), *noise])))
        self.down, self.up = nn.ModuleList(down), nn.ModuleList(up)
        small_normal(self)

    def forward(self, x: Tensor) -> Tensor:
        maps: list[Tensor] = []
        for layer in self.down:
            x = layer(x)
            maps.append(x)
        x = self.up[0](maps.pop())
        for layer in self.up[1:]:
            x = layer(torch.cat((x, maps.pop()), 1))
        return x


def depth(height: int, width: int, levels: int | None = None, deepest: int = _DEEPEST, least: int = 1) -> int:
    """How often a U-Net halves images: as given, or until the shorter side has at most 7 pixels, but `deepest` times.

    The shorter side keeps at least so many pixels, unless it is given. UsageError unless every halving is even.
    """
    fits = partial(_fits, levels, deepest, least)
    if not fits(height, width):
        how = f"{levels} times" if levels else f"until the shorter has at most {_COARSEST} pixels"
        refuse("the U-Net", height, width, fits, f"sides must halve evenly, {how} (game.levels says how often)")
    return levels or _evenly(height, width, deepest, least)


def _evenly(height: int, width: int, deepest: int, least: int) -> int:
    both = height | width
    room = (min(height, width) // least).bit_length() - 1
    return min((both & -both).bit_length() - 1, deepest, room)


def _fits(levels: int | None, deepest: int, least: int, height: int, width: int) -> bool:
    if levels:
        return height % 2**levels == width % 2**levels == 0
    n = _evenly(height, width, deepest, least)
    return n > 0 and (n == deepest or min(height, width) >> n <= _COARSEST)
