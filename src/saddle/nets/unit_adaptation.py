"""UNIT's networks for digits: coupled autoencoders and coupled judges of images of 32 pixels. Liu et al., 2017.

https://arxiv.org/abs/1703.00848. Layers of the authors' code for the adaptation of classifiers (version 2).
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ..base.errors import UsageError
from ..layers.convolution import StridedConv2d, StridedConvTranspose2d
from ..layers.dropout import Dropout
from ..layers.init import small_normal, xavier
from ..layers.norm import BatchNorm2d

SIDE = 32  # pixels
KEPT = (0.9, 0.7, 0.5, 0.5)  # chances of the units that a judge's four layers see or give


class Codes(NamedTuple):
    mean: Tensor  # μ
    std: Tensor  # σ


class CoupledAutoencoders(nn.Module):
    """Images [N, C, 32, 32] of two domains, a and b ↔ codes [N, 8 width, 1, 1], a mean and a deviation each.

    All layers are both domains' but the encoders' first, which also sees where a pixel is, and the decoders' last two.
    22,606,468 parameters with a width of 96, for domains of 3 channels and of 1.
    """

    def __init__(self, channels: tuple[int, int], width: int = 96):
        super().__init__()
        w = width
        self.first_a, self.first_b = (nn.Sequential(*_layer(StridedConv2d(c + 2, w, 5, 2, 2))) for c in channels)
        self.encode = nn.Sequential(
            *_layer(StridedConv2d(w, 2 * w, 5, 2, 2)),
            *_layer(nn.Conv2d(2 * w, 4 * w, 8)),
            *_layer(nn.Conv2d(4 * w, 8 * w, 1)),
        )
        self.mean, self.deviation = nn.Conv2d(8 * w, 8 * w, 1), nn.Conv2d(8 * w, 8 * w, 1)
        self.decode = nn.Sequential(
            *_layer(nn.ConvTranspose2d(8 * w, 8 * w, 4)),
            *_layer(StridedConvTranspose2d(8 * w, 4 * w, 4, 2, 1)),
            *_layer(StridedConvTranspose2d(4 * w, 2 * w, 4, 2, 1)),
        )
        self.last_a, self.last_b = (
            nn.Sequential(*_layer(StridedConvTranspose2d(2 * w, w, 4, 2, 1)), nn.Conv2d(w, c, 1), nn.Tanh())
            for c in channels
        )
        small_normal(self, biases=False)
        for bias in (self.mean.bias, self.deviation.bias):
            assert bias is not None
            nn.init.normal_(bias, std=0.002)

    def codes(self, **images: Tensor) -> Codes:
        """Of images by their domain, one after the other."""
        firsts = {"a": self.first_a, "b": self.first_b}
        x = self.encode(torch.cat([firsts[domain](placed(x)) for domain, x in images.items()]))
        return Codes(self.mean(x), softplus(self.deviation(x)))

    def draw(self, code: Tensor) -> tuple[Tensor, Tensor]:
        """The images of codes [N, 8 width, 1, 1] in domain a and in domain b, both [N, C, 32, 32]."""
        x = self.decode(code)
        return self.last_a(x), self.last_b(x)


class CoupledJudges(nn.Module):
    """Images [N, C, 32, 32] of a domain, a or b: how real are they, of which class is one of a, what is seen of them?

    All layers are both domains' but the first. Logits are differences of two outputs. 4,332,812 parameters with a width
    of 64, for domains of 3 channels and of 1, and 10 classes.
    """

    def __init__(self, channels: tuple[int, int], classes: int, width: int = 64):
        super().__init__()
        self.first_a, self.first_b = (_halving(c, width) for c in channels)
        self.layers = nn.ModuleList(_halving(width << i, width << i + 1) for i in range(3))
        self.real, self.classes = nn.Conv2d(8 * width, 2, 2), nn.Conv2d(8 * width, classes, 2)
        self.dropouts = nn.ModuleList(Dropout(keep) for keep in KEPT)
        xavier(self, 2**0.5, bias=0.1)

    def features(self, x: Tensor, domain: str) -> Tensor:
        """Images x [N, C, 32, 32] → what the last layer gets, with no unit dropped.  [N, 8 width, 2, 2]"""
        x = (self.first_a if domain == "a" else self.first_b)(x)
        for layer in self.layers:
            x = layer(x)
        return x

    def dropped(self, x: Tensor, domain: str) -> Tensor:
        """Images x [N, C, 32, 32] → the same [N, 8 width, 2, 2] with units dropped, in training."""
        x = self.dropouts[0]((self.first_a if domain == "a" else self.first_b)(x))
        for layer, dropout in zip(self.layers, [*self.dropouts][1:], strict=True):
            x = dropout(layer(x))
        return x

    def forward(self, x: Tensor, domain: str) -> Tensor:
        """How real images are, as logits [N]."""
        fake, real = self.real(self.dropped(x, domain)).flatten(1).unbind(1)
        return real - fake

    def classify(self, x: Tensor, domain: str) -> Tensor:
        """Images x [N, C, 32, 32] → logits of the classes.  [N, K]"""
        logits: Tensor = self.classes(self.dropped(x, domain)).flatten(1)
        return logits


class Shift(nn.Module):
    """Adds a number to each channel.  [N, C, H, W] → same shape"""

    def __init__(self, channels: int):
        super().__init__()
        self.bias = nn.Parameter(0.002 * torch.randn(channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias[:, None, None]


def placed(x: Tensor) -> Tensor:
    """Images [N, C, H, W] with each pixel's row and column, from -1 to below 1, as channels: [N, C + 2, H, W]."""
    rows, columns = (torch.arange(n, device=x.device, dtype=x.dtype) * (2 / n) - 1 for n in x.shape[2:])
    where = torch.stack(torch.meshgrid(rows, columns, indexing="ij"))
    return torch.cat((x, where.expand(x.shape[0], -1, -1, -1)), 1)


def check_size(height: int, width: int) -> None:
    """UsageError for images of another size than 32×32."""
    if (height, width) != (SIDE, SIDE):
        raise UsageError(
            f"these networks draw images of {SIDE}×{SIDE} pixels, not of {height}×{width}; give --data.size {SIDE}, or "
            "choose unit, which takes other sizes"
        )


def _layer(convolution: nn.Conv2d | nn.ConvTranspose2d) -> list[nn.Module]:
    channels = convolution.out_channels
    return [convolution, BatchNorm2d(channels, affine=False), Shift(channels), nn.LeakyReLU()]


def _halving(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2))
