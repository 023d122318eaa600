"""PAN's networks: what transforms images, and a discriminator whose hidden maps say how far two images are apart.

Wang et al., 2017. https://arxiv.org/abs/1706.09138
"""

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from ..base.errors import UsageError
from ..layers.convolution import StridedConvTranspose2d
from ..layers.init import small_normal
from ..layers.norm import BatchNorm2d
from .parts import map_norm

PANNorm = Literal["batch", "batch-of-one"]
LEAST = 4  # pixels of the smallest map's shorter side, if nobody says how often it is halved
DEEPEST = 6  # halvings: the paper's, of 256 pixels to 4
_LAYERS = ((1, 1), (2, 2), (2, 1), (4, 2), (4, 1), (8, 2), (8, 1), (8, 2))  # of D: width in units, stride
_COMPARED = (1, 4, 6, 8)  # layers of D whose maps are compared, from 1
_LAST = 8  # channels of D's last map, of which one layer makes the logit


class Transformation(nn.Module):
    """T: images [N, C, H, W] → images [N, outputs, H, W] in [-1, 1]; maps on the way down are shown on the way up.

    C64-C128-C256-C512-C512-C512 of kernels 3×3 and stride 2, and back by kernels 4×4 to 512, 256, 128, 64, 64 and the
    image. The first map has no norm and is not shown again. 16,831,875 parameters with 6 levels and 3 channels.
    """

    def __init__(self, channels: int, outputs: int, levels: int, width: int, norm: PANNorm):
        super().__init__()
        widths = [width * min(2**level, 8) for level in range(levels)]
        down: list[nn.Module] = [nn.Conv2d(channels, widths[0], 3, 2, 1)]
        for inputs, wide in pairwise(widths):
            down.append(nn.Sequential(nn.LeakyReLU(0.2), nn.Conv2d(inputs, wide, 3, 2, 1), _norm(norm, wide)))
        up: list[nn.Module] = []
        inputs = widths[-1]
        for left in reversed(range(levels)):  # steps that follow
            wide = width * min(2 ** max(left - 2, 0), 8) if left else outputs
            bend = nn.ReLU() if up else nn.LeakyReLU(0.2)
            after = _norm(norm, wide) if left else nn.Tanh()
            up.append(nn.Sequential(bend, StridedConvTranspose2d(inputs, wide, 4, 2, 1), after))
            inputs = wide + (widths[left - 1] if left > 1 else 0)
        self.down, self.up = nn.ModuleList(down), nn.ModuleList(up)
        small_normal(self)

    def forward(self, x: Tensor) -> Tensor:
        maps: list[Tensor] = []
        for layer in self.down:
            x = layer(x)
            maps.append(x)
        x = self.up[0](maps.pop())
        for layer in self.up[1:]:
            shown = maps.pop()
            x = layer(torch.cat((x, shown), 1) if maps else x)
        return x


class Perceptual(nn.Module):
    """D: images [N, C, H, W] → logits [N], and the maps of layers 1, 4, 6 and 8, from the largest to the smallest.

    Eight layers of kernels 3×3, 64 to 512 channels, every second one of stride 2; then 8 channels, and one number of
    all that is left. All but the first and the last map are normed. 7,050,249 parameters with 3 channels of 256×256.
    UsageError for images so small that the eighth map has one pixel, whose norm would be 0.
    """

    def __init__(self, shape: tuple[int, int, int], width: int, norm: PANNorm):
        super().__init__()
        inputs, height, wide = shape
        if max(height, wide) <= 16:
            raise UsageError(
                f"PAN's discriminator halves images four times before its last norm, and {height}×{wide} would leave "
                "one pixel; choose larger images, of 17 pixels or more (--data.size)"
            )
        layers: list[nn.Module] = []
        for units, stride in _LAYERS:
            convolution = nn.Conv2d(inputs, units * width, 3, stride, 1)
            inputs = units * width
            between = [_norm(norm, inputs)] if layers else []
            layers.append(nn.Sequential(convolution, *between, nn.LeakyReLU(0.2)))
        self.layers = nn.ModuleList(layers)
        rows, columns = (-(-side // 32) for side in (height, wide))  # after five halvings, rounded up
        self.verdict = nn.Sequential(
            nn.Conv2d(inputs, _LAST, 3, 2, 1), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(_LAST * rows * columns, 1)
        )
        small_normal(self)

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        maps: list[Tensor] = []
        for layer in self.layers:
            x = layer(x)
            maps.append(x)
        return self.verdict(x)[:, 0], [maps[number - 1] for number in _COMPARED]


def _norm(kind: PANNorm, channels: int) -> nn.Module:
    """Batch norm, in use by the statistics of training, or each image by its own."""
    return BatchNorm2d(channels) if kind == "batch" else map_norm(kind, channels)
