"""The autoencoder of BEGAN, whose decoder is also the generator. Berthelot et al., 2017, Figure 1.

https://arxiv.org/abs/1703.10717. With 128 filters and 64 latents 1,421,443 and 7,128,643 parameters at 32×32×3; with 64
filters 563,395 and 4,011,651 at 64×64×3. 3×3 convolutions and ELU, no normalisation, no activation at the end.
"""

from torch import Tensor, nn

from ..spec import DataSpec
from .shapes import halvings


def decoder(z_dim: int, data: DataSpec, width: int) -> nn.Sequential:
    """Latents [N, z_dim] → images [N, C, H, W], in [-1, 1] except for what the data teach."""
    levels, (height, wide) = _levels(data)
    layers: list[nn.Module] = [
        nn.Linear(z_dim, width * height * wide),
        nn.Unflatten(1, (width, height, wide)),
    ]
    for level in range(levels + 1):
        layers += [nn.Upsample(scale_factor=2)] if level else []
        layers += [*_conv(width, width), *_conv(width, width)]
    return nn.Sequential(*layers, nn.Conv2d(width, data.shape[0], 3, padding=1))


def encoder(z_dim: int, data: DataSpec, width: int) -> nn.Sequential:
    """Images → codes [N, z_dim]; every halving adds `width` channels."""
    levels, (height, wide) = _levels(data)
    layers, channels = _conv(data.shape[0], width), width
    for level in range(levels + 1):
        layers += [*_conv(channels, width * (level + 1)), *_conv(width * (level + 1), width * (level + 1))]
        channels = width * (level + 1)
        layers += _conv(channels, channels, stride=2) if level < levels else []
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * height * wide, z_dim))


class Autoencoder(nn.Module):
    """Images → their reconstructions.  [N, C, H, W] → same shape"""

    def __init__(self, z_dim: int, data: DataSpec, width: int):
        super().__init__()
        self.encoder, self.decoder = encoder(z_dim, data, width), decoder(z_dim, data, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(self.encoder(x))


def _levels(data: DataSpec) -> tuple[int, tuple[int, int]]:
    """Halvings to a smallest map of 8 to 15 pixels, and its size."""
    levels, (height, wide) = halvings("BEGAN", data)
    return levels - 1, (2 * height, 2 * wide)


def _conv(inputs: int, outputs: int, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, stride, padding=1), nn.ELU(inplace=True)]
