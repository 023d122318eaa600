"""GANILLA's translator: a residual network that joins instead of adding, and a pyramid. Hicsonmez et al., 2020.

https://arxiv.org/abs/2002.05638
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from ..layers.init import small_normal
from ..layers.norm import CalmInstanceNorm2d
from .shapes import refuse

MULTIPLE, SMALLEST = 16, 32  # sides of an image are multiples of the one and at least the other, in pixels
WIDTHS = (1, 2, 2, 4)  # of the four layers, in units of the first one's


class Ganilla(nn.Module):
    """c7s1-64, a halving, four layers of two blocks, a pyramid of what they see, c7s1: images → images in [-1, 1].

    `outputs` are the channels that it draws; `weights` are factors on the four layers in the pyramid, the deepest one
    first. 7,228,419 parameters at a width of 64 and 3 channels. UsageError unless both sides are multiples of 16,
    without which two levels of the pyramid would not fit each other.

    [N, C, H, W] → [N, outputs, H, W]
    """

    def __init__(
        self, shape: tuple[int, int, int], outputs: int, width: int = 64, weights: Sequence[float] = (1, 1, 1, 1)
    ):
        super().__init__()
        channels, height, wide = shape
        if not _fits(height, wide):
            refuse("GANILLA's translator", height, wide, _fits, "sides must be multiples of 16, and 32 or more")
        widths = [width * factor for factor in WIDTHS]
        self.first = nn.Sequential(
            nn.ReflectionPad2d(3),
            nn.Conv2d(channels, width, 7),
            CalmInstanceNorm2d(width),
            nn.ReLU(),
            nn.ReflectionPad2d(1),
            nn.MaxPool2d(3, 2),
        )
        self.layers = nn.ModuleList(
            nn.Sequential(Joined(inputs, out, 2 if level else 1), Joined(out, out))
            for level, (inputs, out) in enumerate(zip([width, *widths], widths, strict=False))
        )
        self.weights = tuple(reversed(weights))
        self.laterals = nn.ModuleList(nn.Conv2d(out, 2 * width, 1) for out in widths)
        self.smooth = nn.Sequential(nn.ReflectionPad2d(1), nn.Conv2d(2 * width, width, 3))
        self.head = nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(width, outputs, 7), nn.Tanh())
        small_normal(self)

    def forward(self, x: Tensor) -> Tensor:
        levels, x = [], self.first(x)
        for layer in self.layers:
            x = layer(x)
            levels.append(x)  # C₂ to C₅
        sides = [w * lateral(c) for w, lateral, c in zip(self.weights, self.laterals, levels, strict=True)]
        pyramid = sides.pop()
        while sides:
            pyramid = sides.pop() + doubled(pyramid)
        drawn: Tensor = self.head(self.smooth(doubled(pyramid)))
        return drawn


class Joined(nn.Module):
    """A residual block that concatenates its input and its output, and does not add them: low-level features stay.

    [N, C, H, W] → [N, C', H', W']
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1):
        super().__init__()
        alike = stride == 1 and inputs == outputs
        self.body = nn.Sequential(*_convolution(inputs, outputs, stride), nn.ReLU(), *_convolution(outputs, outputs))
        short = [] if alike else [nn.Conv2d(inputs, outputs, 1, stride, bias=False), CalmInstanceNorm2d(outputs)]
        self.short = nn.Sequential(*short)
        self.join = nn.Sequential(*_convolution(2 * outputs, outputs), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        joined: Tensor = self.join(torch.cat((self.body(x), self.short(x)), 1))
        return joined


def doubled(x: Tensor) -> Tensor:
    """Every pixel four times: [N, C, H, W] → [N, C, 2 H, 2 W]."""
    return interpolate(x, scale_factor=2, mode="nearest")


def _convolution(inputs: int, outputs: int, stride: int = 1) -> list[nn.Module]:
    return [
        nn.ReflectionPad2d(1),
        nn.Conv2d(inputs, outputs, 3, stride, bias=False),
        CalmInstanceNorm2d(outputs),
    ]


def _fits(height: int, width: int) -> bool:
    return min(height, width) >= SMALLEST and height % MULTIPLE == width % MULTIPLE == 0
