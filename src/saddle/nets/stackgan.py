"""The networks of StackGAN. Zhang et al., 2017. https://arxiv.org/abs/1612.03242

Layers and sizes of the PyTorch code for birds: stage I draws at a quarter of the size that stage II draws at. Its
discriminator is also that of StackGAN++.
"""

from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..base.precision import full
from ..layers.convolution import StridedConv2d
from ..layers.init import as_loud, small_normal
from ..layers.norm import BatchNorm1d, BatchNorm2d
from ..spec import DataSpec
from .gan_cls import beside
from .shapes import halvings, image_shape, refuse


class Drawn(NamedTuple):
    """Images of a text, and the distribution that the text's code was drawn from."""

    images: list[Tensor]  # [N, C, h, w] in [-1, 1], the smallest first
    mean: Any = None  # [N, K], μ(t), which also stands for the text before the discriminators; None without texts
    log_var: Any = None  # [N, K], log σ²(t)


class Augmentation(nn.Module):
    """Conditioning augmentation: a text → c ~ N(μ(t), σ²(t)). 262,400 parameters from 1,024 to 128 numbers.

    Leaky, as in the authors' first code. Their PyTorch code has a ReLU, after which μ ≥ 0 and σ ≥ 1.
    """

    def __init__(self, text_dim: int, condition: int = 128):
        super().__init__()
        self.law = nn.Sequential(nn.Linear(text_dim, 2 * condition), nn.LeakyReLU(0.2))

    def forward(self, text: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Embedded texts [N, text_dim], normal noise [N, condition] → c, μ and log σ², [N, condition] each."""
        mean, log_var = self.law(text).chunk(2, 1)
        return mean + (log_var / 2).exp() * noise, mean, log_var


class StageI(nn.Module):
    """Rough shapes and colours: 10,301,248 parameters at 64×64, with texts of 1,024 numbers."""

    def __init__(self, z_dim: int, text_dim: int, data: DataSpec, condition: int = 128, width: int = 64):
        super().__init__()
        levels, smallest = halvings("StackGAN's stage I", data)
        widths = [width << level for level in reversed(range(levels + 1))]
        units = widths[0] * smallest[0] * smallest[1]
        self.split = [z_dim, condition]
        self.augmentation = Augmentation(text_dim, condition)
        self.body = nn.Sequential(
            nn.Linear(z_dim + condition, units, bias=False),
            BatchNorm1d(units),
            nn.ReLU(),
            nn.Unflatten(1, (widths[0], *smallest)),
            *[layer for inputs, outputs in pairwise(widths) for layer in doubled(inputs, outputs)],
            nn.Conv2d(widths[-1], data.shape[0], 3, padding=1, bias=False),
            nn.Tanh(),
        )
        small_normal(self)
        as_loud(self.augmentation)

    def forward(self, noise: Tensor, text: Tensor) -> Drawn:
        """z and noise for the text's code, [N, z_dim + condition], embedded texts [N, text_dim] → images."""
        z, own = noise.split(self.split, 1)
        c, mean, log_var = self.augmentation(text, own)
        return Drawn([self.body(torch.cat([z, c], 1))], mean, log_var)


class StageII(nn.Module):
    """Reads the text again and draws stage I's image anew, 4 or 2 times the size: 26,290,080 parameters for 256×256."""

    def __init__(
        self,
        text_dim: int,
        channels: int,
        condition: int = 128,
        width: int = 64,
        factor: int = 4,
        blocks: int = 4,
    ):
        super().__init__()
        self.augmentation = Augmentation(text_dim, condition)
        inner = 8 * width
        self.encoder = nn.Sequential(
            nn.Conv2d(channels, 2 * width, 3, padding=1, bias=False),
            nn.ReLU(),
            *halved(2 * width, 4 * width, nn.ReLU()),
            *halved(4 * width, inner, nn.ReLU()),
        )
        widths = [max(inner >> level, 1) for level in range(2 + factor.bit_length())]
        self.decoder = nn.Sequential(
            *same(inner + condition, inner, nn.ReLU()),
            *[Block(inner) for _ in range(blocks)],
            *[layer for inputs, outputs in pairwise(widths) for layer in doubled(inputs, outputs)],
            nn.Conv2d(widths[-1], channels, 3, padding=1, bias=False),
            nn.Tanh(),
        )
        small_normal(self)
        as_loud(self.augmentation)

    def forward(self, noise: Tensor, text: Tensor, image: Tensor) -> Drawn:
        """Noise [N, condition] for the code, embedded texts [N, E], images [N, C, h, w] of stage I → larger images."""
        c, mean, log_var = self.augmentation(text, noise)
        return Drawn([self.decoder(beside(self.encoder(image), c))], mean, log_var)


class Block(nn.Module):
    """x + f(x), then ReLU.  [N, C, H, W] → same shape"""

    def __init__(self, channels: int):
        super().__init__()
        second = nn.Conv2d(channels, channels, 3, padding=1, bias=False), BatchNorm2d(channels)
        self.body = nn.Sequential(*same(channels, channels, nn.ReLU()), *second)

    def forward(self, x: Tensor) -> Tensor:
        return (x + self.body(x)).relu()


class TextLogits(NamedTuple):
    """Logits [N] of images: with their text, and by themselves; None without the head for it."""

    joint: Any
    alone: Any

    def heads(self) -> Tensor:
        """Of one head [N], of both side by side [N, 2], in fp32."""
        logits = [full(x) for x in self if x is not None]
        return logits[0] if len(logits) == 1 else torch.stack(logits, 1)


class Discriminator(nn.Module):
    """Is this a real image of that text; is it a real image? 71,269,122 parameters at 256×256, 18,834,178 at 128×128.

    5,723,906 at 64×64, of which StackGAN's stage I leaves out the 8,193 that judge the image alone. Without a text
    (`condition` = 0) 68,310,785, 15,875,841 and 2,765,569.
    """

    def __init__(self, data: DataSpec, condition: int = 128, width: int = 64, alone: bool = True):
        super().__init__()
        levels, smallest = halvings("StackGAN", data)
        widths, most = [width << level for level in range(levels)], 8 * width
        reductions = [size for size in reversed(widths) if size >= most]
        self.features = nn.Sequential(
            StridedConv2d(data.shape[0], width, 4, 2, 1, bias=False),
            nn.LeakyReLU(0.2),
            *[layer for inputs, outputs in pairwise(widths) for layer in halved(inputs, outputs, nn.LeakyReLU(0.2))],
            *[layer for inputs, outputs in pairwise(reductions) for layer in same(inputs, outputs, nn.LeakyReLU(0.2))],
        )
        channels = min(widths[-1], most)
        self.joint = (
            nn.Sequential(
                *same(channels + condition, channels, nn.LeakyReLU(0.2)),
                nn.Conv2d(channels, 1, smallest),
                nn.Flatten(0),
            )
            if condition
            else None
        )
        self.alone = nn.Sequential(nn.Conv2d(channels, 1, smallest), nn.Flatten(0)) if alone else None
        small_normal(self)

    def forward(self, image: Tensor, c: Tensor | None) -> TextLogits:
        """Images [N, C, H, W] and what stands for their texts, [N, condition]; None without texts."""
        return self.match(self.features(image), c)

    def match(self, features: Tensor, c: Tensor | None) -> TextLogits:
        """Logits of images known by their features [N, F, h, w], with texts c [N, K] if there are any."""
        joint = None if self.joint is None or c is None else self.joint(beside(features, c))
        return TextLogits(joint, self.alone(features) if self.alone else None)


def smaller(network: str, data: DataSpec, factor: int) -> DataSpec:
    """The data with images a `factor`-th of the size, which is what the first stage draws. UsageError if it cannot."""
    channels, height, width = image_shape(network, data)

    def fits(height: int, width: int) -> bool:
        levels = (min(height, width) // factor // 4).bit_length() - 1
        return levels >= 1 and height % (factor << levels) == width % (factor << levels) == 0

    if not fits(height, width):
        sides = {1: "its sides", 2: "half its sides"}.get(factor, f"a {factor}th of its sides")
        refuse(network, height, width, fits, f"{sides} must halve evenly until the shorter has 4 to 7 pixels")
    return DataSpec.of((channels, height // factor, width // factor))


def same(inputs: int, outputs: int, bend: nn.Module) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), BatchNorm2d(outputs), bend]


def halved(inputs: int, outputs: int, bend: nn.Module) -> list[nn.Module]:
    return [StridedConv2d(inputs, outputs, 4, 2, 1, bias=False), BatchNorm2d(outputs), bend]


def doubled(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Upsample(scale_factor=2), *same(inputs, outputs, nn.ReLU())]
