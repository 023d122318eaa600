"""The generator of StackGAN++, a tree: each branch draws its image, the next goes on from what it thought.

Zhang et al., 2018, Section 4. https://arxiv.org/abs/1710.10916. Layers and sizes of the code for birds, with gated
linear units; orthogonal weights, batch norm's scales N(1, 0.02).
"""

import torch
from torch import Tensor, nn

from ..layers.init import orthogonal, small_normal
from ..layers.norm import BatchNorm1d, BatchNorm2d
from ..spec import DataSpec
from .gan_cls import beside
from .shapes import halvings
from .stackgan import Drawn


class Augmentation(nn.Module):
    """A text → c ~ N(μ(t), σ²(t)), gated: 524,800 parameters from 1,024 to 128 numbers."""

    def __init__(self, text_dim: int, condition: int = 128):
        super().__init__()
        self.law = nn.Sequential(nn.Linear(text_dim, 4 * condition), nn.GLU(1))

    def forward(self, text: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Embedded texts [N, text_dim], normal noise [N, condition] → c, μ and log σ², [N, condition] each."""
        mean, log_var = self.law(text).chunk(2, 1)
        return mean + (log_var / 2).exp() * noise, mean, log_var


class Tree(nn.Module):
    """Latents (and texts) → images of all sizes, each twice the one before.

    With branches at 64, 128 and 256 pixels 21,239,696 parameters, with texts of 1,024 numbers; without texts
    16,472,208. `smallest` is the size of the first branch. Where there is no text (`text_dim` = 0), the branches are
    given z again in its place.
    """

    def __init__(
        self,
        z_dim: int,
        text_dim: int,
        smallest: DataSpec,
        branches: int = 3,
        condition: int = 128,
        width: int = 64,
        blocks: int = 2,
    ):
        super().__init__()
        levels, start = halvings("StackGAN++'s first branch", smallest)
        given = condition if text_dim else z_dim
        first = width << levels
        units = first * start[0] * start[1]
        self.split = [z_dim, condition]
        self.augmentation = Augmentation(text_dim, condition) if text_dim else None
        self.root = nn.Sequential(
            nn.Linear(z_dim + (condition if text_dim else 0), 2 * units, bias=False),
            BatchNorm1d(2 * units),
            nn.GLU(1),
            nn.Unflatten(1, (first, *start)),
            *[layer for level in range(levels) for layer in doubled(first >> level)],
        )
        sizes = [max(width >> branch, 1) for branch in range(branches)]
        self.branches = nn.ModuleList(Branch(size, given, blocks) for size in sizes[:-1])
        self.painters = nn.ModuleList(
            nn.Sequential(nn.Conv2d(size, smallest.shape[0], 3, padding=1, bias=False), nn.Tanh()) for size in sizes
        )
        orthogonal(small_normal(self))

    def forward(self, noise: Tensor, text: Tensor | None = None) -> Drawn:
        """z and, with texts [N, text_dim], noise for the text's code: [N, z_dim + condition]; without, z [N, z_dim]."""
        mean = log_var = None
        c = noise
        if self.augmentation is not None:
            z, own = noise.split(self.split, 1)
            c, mean, log_var = self.augmentation(text, own)
            noise = torch.cat([c, z], 1)
        thoughts = [self.root(noise)]
        for branch in self.branches:
            thoughts.append(branch(thoughts[-1], c))
        images = [paint(h) for paint, h in zip(self.painters, thoughts, strict=True)]
        return Drawn(images, mean, log_var)


class Branch(nn.Module):
    """Maps h [N, C, H, W] and the condition c [N, K] of the tree → [N, C / 2, 2 H, 2 W]."""

    def __init__(self, channels: int, given: int, blocks: int = 2):
        super().__init__()
        self.body = nn.Sequential(
            *gated(channels + given, channels), *[Block(channels) for _ in range(blocks)], *doubled(channels)
        )

    def forward(self, h: Tensor, c: Tensor) -> Tensor:
        return self.body(beside(h, c))


class Block(nn.Module):
    """x + f(x), gated inside.  [N, C, H, W] → same shape"""

    def __init__(self, channels: int):
        super().__init__()
        second = nn.Conv2d(channels, channels, 3, padding=1, bias=False), BatchNorm2d(channels)
        self.body = nn.Sequential(*gated(channels, channels), *second)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


def gated(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, 2 * outputs, 3, padding=1, bias=False), BatchNorm2d(2 * outputs), nn.GLU(1)]


def doubled(channels: int) -> list[nn.Module]:
    """Twice the size, half the channels."""
    return [nn.Upsample(scale_factor=2), *gated(channels, max(channels // 2, 1))]
