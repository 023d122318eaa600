"""The networks with which cGANs with Projection Discriminator enlarges images four times. Miyato & Koyama, 2018,
Section 5.2, as in the authors' code. https://arxiv.org/abs/1802.05637"""

from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from ..layers.conditional import ClassBatchNorm2d
from ..layers.spectral import spectral_norm
from .residual import DownBlock, RootPool, UpBlock, to_image
from .resnet import FirstBlock, convolution, linear

Told = Literal["nothing", "beside", "product"]  # how a discriminator is given the small image
REACH = 12  # pixels of the small image that a pixel of the large one looks at to each side
TIMES = 4  # as large become images


def enlarger(inputs: int, outputs: int, width: int = 64) -> nn.Sequential:
    """Images [N, inputs, h, w] → images [N, outputs, 4h, 4w], both in [-1, 1]: 5,109,641 parameters."""
    norm = partial(ClassBatchNorm2d, classes=0)
    wide, half = 4 * width, 2 * width
    same, double = partial(UpBlock, norm=norm, doubles=False), partial(UpBlock, norm=norm)
    first = [same(inputs, wide), *(same(wide, wide) for _ in range(3))]
    return nn.Sequential(
        *first, double(wide, half), same(half, half), double(half, width), same(width, width), to_image(width, outputs)
    )


class Judge(nn.Module):
    """D(x, y) = l(pool φ(x)) + Σ (V ∗ φ₂(x)) · y / √(C·h·w): the logits [N] of large images x, as of small ones y.

    φ₂ is the map after two halvings, as large as y, V a 3×3 convolution to y's channels, and the pool the sum over all
    places over the root of their number. This is "product"; with "beside", y is concatenated with φ₂ instead, and
    by "nothing" not at all: 29,390,340 parameters, 29,401,557 and 29,386,881. Spectral norm everywhere, no batch norm.
    Maps are halved five times, those of images below 32 pixels until one place is left.

    y, the condition, is [N, …].
    """

    def __init__(self, shape: tuple[int, int, int], small: int, told: Told = "product", width: int = 64):
        super().__init__()
        channels, *sides = shape
        side, self.told = min(sides) // TIMES, told
        w = [width << level for level in range(5)]
        keep = partial(DownBlock, wide=False, shrinks=False)
        self.near = nn.Sequential(
            FirstBlock(channels, w[0]), keep(w[0], w[0]), DownBlock(w[0], w[1], False, True), keep(w[1], w[1])
        )
        before = w[1] + (small if told == "beside" else 0)
        far = [
            DownBlock(inputs, outputs, False, side >> level > 1)
            for level, (inputs, outputs) in enumerate(zip((before, *w[2:]), w[2:], strict=False))
        ]
        self.far = nn.Sequential(*far, keep(w[4], w[4]), nn.ReLU(), RootPool(), linear(w[4], 1))
        if told == "product":
            self.compare = convolution(w[1], small, gain=1.0)  # V
        spectral_norm(self)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Logits [N] of features x [N, C, h, w] and the condition y [N, …]."""
        near = self.near(x)
        logits = self.far(torch.cat((near, y.to(near)), 1) if self.told == "beside" else near).flatten()
        if self.told == "product":
            logits = logits + (self.compare(near) * y).sum((1, 2, 3)) / y[0].numel() ** 0.5
        return logits
