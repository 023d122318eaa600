"""The networks with which cGANs with Projection Discriminator enlarges images four times. Miyato & Koyama, 2018,
Section 5.2, as in the authors' code. https://arxiv.org/abs/1802.05637"""

from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from ..base.errors import UsageError
from ..layers.conditional import ClassBatchNorm2d
from ..layers.spectral import spectral_norm
from .residual import DownBlock, RootPool, UpBlock, to_image
from .resnet import FirstBlock, convolution, linear

Told = Literal["plain", "concatenation", "projection"]  # how a discriminator is told of the small image
REACH = 12  # pixels of the small image that a pixel of the large one looks at to each side
SMALLEST = 32  # pixels of a large image's side: the discriminator halves it five times
TIMES = 4


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
    places over the root of their number. Told by "concatenation" y stands beside φ₂ instead, and by "plain" it is not
    told. Spectral norm everywhere, no batch norm: 29,390,340 parameters, 29,401,557 and 29,386,881. UsageError for
    images that cannot be halved five times.
    """

    def __init__(self, shape: tuple[int, int, int], small: int, told: Told = "projection", width: int = 64):
        super().__init__()
        channels, *sides = shape
        if min(sides) < SMALLEST:
            raise UsageError(
                f"a residual discriminator halves images five times and wants {SMALLEST}×{SMALLEST} pixels or more, "
                f"not {sides[0]}×{sides[1]}; choose larger images, or game.discriminator srgan"
            )
        self.told = told
        keep, halve = partial(DownBlock, wide=False, shrinks=False), partial(DownBlock, wide=False, shrinks=True)
        w = [width << level for level in range(5)]
        self.near = nn.Sequential(FirstBlock(channels, w[0]), keep(w[0], w[0]), halve(w[0], w[1]), keep(w[1], w[1]))
        beside = small if told == "concatenation" else 0
        down = [halve(w[1] + beside, w[2]), halve(w[2], w[3]), halve(w[3], w[4]), keep(w[4], w[4])]
        self.far = nn.Sequential(*down, nn.ReLU(), RootPool(), linear(w[4], 1))
        if told == "projection":
            self.compare = convolution(w[1], small, gain=1.0)  # V
        spectral_norm(self)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        near = self.near(x)
        logits = self.far(torch.cat((near, y.to(near)), 1) if self.told == "concatenation" else near).flatten()
        if self.told == "projection":
            logits = logits + (self.compare(near) * y).sum((1, 2, 3)) / y[0].numel() ** 0.5
        return logits
