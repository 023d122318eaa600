"""The networks of GAN-CLS: DCGANs that read, with a residual block at the smallest maps. Reed et al., 2016, Figure 2.

https://arxiv.org/abs/1605.05396. Layers and biases of the torch code; N(0, 0.02).
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from ..layers.convolution import StridedConv2d, StridedConvTranspose2d
from ..layers.init import small_normal
from ..layers.norm import BatchNorm1d, BatchNorm2d
from ..spec import DataSpec
from .shapes import halvings


class Generator(nn.Module):
    """Latents and texts → images: 18,909,699 parameters at 64×64, with texts of 1,024 numbers."""

    def __init__(self, z_dim: int, text_dim: int, data: DataSpec, width: int = 128, read: int = 128):
        super().__init__()
        levels, smallest = halvings("GAN-CLS", data)
        widths = [width << level for level in reversed(range(levels))]
        self.reader = nn.Sequential(nn.Linear(text_dim, read), nn.LeakyReLU(0.2))
        layers: list[nn.Module] = [
            nn.Unflatten(1, (z_dim + read, 1, 1)),
            nn.ConvTranspose2d(z_dim + read, widths[0], smallest),
            BatchNorm2d(widths[0]),
            Residual(widths[0], nn.ReLU()),
        ]
        for level, (inputs, outputs) in enumerate(pairwise(widths)):
            layers += [StridedConvTranspose2d(inputs, outputs, 4, 2, 1), BatchNorm2d(outputs)]
            layers.append(Residual(outputs, nn.ReLU()) if level == 0 else nn.ReLU())
        self.body = nn.Sequential(*layers, StridedConvTranspose2d(widths[-1], data.shape[0], 4, 2, 1), nn.Tanh())
        small_normal(self)

    def forward(self, z: Tensor, text: Tensor) -> Tensor:
        """Latents [N, z_dim] and embedded texts [N, text_dim] → images [N, C, H, W] in [-1, 1]."""
        return self.body(torch.cat([z, self.reader(text)], 1))


class Discriminator(nn.Module):
    """Is this a real image of that text? 4,032,321 parameters at 64×64, with texts of 1,024 numbers.

    As in the code, no activation stands between the last two convolutions.
    """

    def __init__(self, text_dim: int, data: DataSpec, width: int = 64, read: int = 128):
        super().__init__()
        levels, smallest = halvings("GAN-CLS", data)
        widths = [width << level for level in range(levels)]
        layers: list[nn.Module] = [StridedConv2d(data.shape[0], width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for inputs, outputs in pairwise(widths):
            layers += [StridedConv2d(inputs, outputs, 4, 2, 1), BatchNorm2d(outputs)]
            if outputs < widths[-2]:
                layers.append(nn.LeakyReLU(0.2))
        self.features = nn.Sequential(*layers, Residual(widths[-1], nn.LeakyReLU(0.2)))
        self.reader = nn.Sequential(nn.Linear(text_dim, read), BatchNorm1d(read), nn.LeakyReLU(0.2))
        self.head = nn.Sequential(
            nn.Conv2d(widths[-1] + read, widths[-1], 1),
            BatchNorm2d(widths[-1]),
            nn.LeakyReLU(0.2),
            nn.Conv2d(widths[-1], 1, smallest),
            nn.Flatten(0),
        )
        small_normal(self)

    def forward(self, image: Tensor, text: Tensor) -> Tensor:
        """Images [N, C, H, W] and embedded texts [N, text_dim] → logits [N]."""
        return self.match(self.features(image), text)

    def match(self, features: Tensor, text: Tensor) -> Tensor:
        """Logits [N] of images, known by their features [N, C', h, w], as real images of these texts [N, E]."""
        return self.head(beside(features, self.reader(text)))


class Residual(nn.Module):
    """x + f(x), then an activation; f squeezes the map to a quarter of its channels.  [N, C, H, W] → same shape"""

    def __init__(self, channels: int, bend: nn.Module):
        super().__init__()
        self.bend, inner = bend, max(channels // 4, 1)
        self.body = nn.Sequential(
            nn.Conv2d(channels, inner, 1),
            BatchNorm2d(inner),
            bend,
            nn.Conv2d(inner, inner, 3, padding=1),
            BatchNorm2d(inner),
            bend,
            nn.Conv2d(inner, channels, 3, padding=1),
            BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.bend(x + self.body(x))


def beside(features: Tensor, text: Tensor) -> Tensor:
    """Maps [N, C, h, w] with a vector [N, K] at each of their places: [N, C + K, h, w]."""
    return torch.cat([features, text[:, :, None, None].expand(-1, -1, *features.shape[2:])], 1)
