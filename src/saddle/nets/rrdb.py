"""RRDBNet, ESRGAN's generator: dense blocks in residual ones, in residual ones. Wang et al., 2018, Figure 4.
https://arxiv.org/abs/1809.00219

Layers and first weights are those of the authors' code, BasicSR.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu, pixel_unshuffle

from ..base.errors import UsageError, some

FOLDS = {1: 4, 2: 2, 4: 1}  # of each factor the pixels of a side that are laid into channels first
SCALING = 0.2  # β: of what a block adds


class RRDBNet(nn.Module):
    """Images [N, inputs, h, w] in [-1, 1] → images [N, outputs, times·h, times·w], about as far.

    In here images lie in [0, 1], as in the code: the zeros around them are black. The trunk works at a quarter of the
    result's size, whatever `times` is: for ×2 and ×1, 2×2 and 4×4 pixels become channels of one first, and sides are
    whole multiples of that. No norm; the last convolution is linear. 16,697,987 parameters for ×4, 16,703,171 for ×2
    and 16,723,907 for ×1, with 23 blocks and colours.
    """

    def __init__(self, inputs: int, outputs: int, times: int, blocks: int = 23, width: int = 64, growth: int = 32):
        super().__init__()
        self.fold = fold(times)
        self.first = _convolution(inputs * self.fold**2, width)
        self.body = nn.Sequential(*(Block(width, growth) for _ in range(blocks)), _convolution(width, width))
        self.up = nn.ModuleList(_convolution(width, width) for _ in range(2))
        self.last = nn.Sequential(_convolution(width, width), nn.LeakyReLU(0.2), _convolution(width, outputs))

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(pixel_unshuffle((x + 1) / 2, self.fold))
        x = x + self.body(x)
        for convolution in self.up:
            x = leaky_relu(convolution(interpolate(x, scale_factor=2, mode="nearest")), 0.2)
        return 2 * self.last(x) - 1


class Block(nn.Module):
    """RRDB: three dense blocks, of whose sum of changes a share is added.  [N, C, H, W] → same shape"""

    def __init__(self, width: int, growth: int):
        super().__init__()
        self.body = nn.Sequential(*(Dense(width, growth) for _ in range(3)))

    def forward(self, x: Tensor) -> Tensor:
        return x + SCALING * self.body(x)


class Dense(nn.Module):
    """Five convolutions, each of which sees all that those before it made; of the last a share is added.

    [N, C, H, W] → same shape
    """

    def __init__(self, width: int, growth: int):
        super().__init__()
        seen = [width + k * growth for k in range(5)]
        self.layers = nn.ModuleList(
            quiet(_convolution(before, after)) for before, after in zip(seen, [*4 * [growth], width], strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        *inner, last = self.layers
        seen = x
        for layer in inner:
            seen = torch.cat((seen, leaky_relu(layer(seen), 0.2)), 1)
        return x + SCALING * last(seen)


def quiet(layer: nn.Conv2d) -> nn.Conv2d:
    """He's weights times 0.1, no bias: the smaller they begin, the deeper a network may be without norms."""
    nn.init.kaiming_normal_(layer.weight)
    with torch.no_grad():
        layer.weight.mul_(0.1)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def fold(times: int) -> int:
    """The pixels of a side that become channels of one. UsageError for factors that the code has no network for."""
    if times not in FOLDS:
        raise UsageError(
            f"RRDBNet enlarges by {some(map(str, FOLDS))}, and the whole images of these data have {times} times as "
            "many rows; choose another --data.times, or srgan, which also enlarges by 3 and 8"
        )
    return FOLDS[times]


def reach(times: int, blocks: int) -> int:
    """How far, in pixels of the small image, a pixel of the large one looks to each side: 349 for ×4 and 23 blocks.

    Fifteen convolutions a block, one at either end of the trunk, and two pixels of it by the layers that enlarge.
    """
    return fold(times) * (15 * blocks + 4)


def _convolution(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1)
