"""The networks of VAE-GAN. Larsen et al., 2015, Table 1, as the authors' code has them. https://arxiv.org/abs/1512.09300

At 64×64 in colour with 128 latents 18,071,360 parameters in the encoder, 4,693,155 in the decoder and 10,953,857 in
the discriminator. Three halvings whatever the size, so sides are multiples of 8.
"""

from itertools import pairwise

from torch import Tensor, nn

from ..context import Output
from ..layers.convolution import StridedConv2d, StridedConvTranspose2d
from ..layers.norm import BatchNorm1d, BatchNorm2d
from ..spec import DataSpec
from .shapes import image_shape, refuse

HALVINGS = 3


class Encoder(nn.Module):
    """Images → mean and log σ² of q(z | x), [N, z_dim] each.  Images [N, C, H, W] → both [N, z_dim]."""

    def __init__(self, z_dim: int, data: DataSpec, width: int = 64):
        super().__init__()
        height, wide = smallest(data)
        layers: list[nn.Module] = []
        for before, after in pairwise((data.shape[0], width, 2 * width, 4 * width)):
            layers += [StridedConv2d(before, after, 5, 2, 2, bias=False), BatchNorm2d(after), nn.ReLU()]
        dense = nn.Linear(4 * width * height * wide, 16 * width, bias=False)
        self.layers = nn.Sequential(*layers, nn.Flatten(), dense, BatchNorm1d(16 * width), nn.ReLU())
        self.heads = nn.Linear(16 * width, 2 * z_dim)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_var = self.heads(self.layers(x)).chunk(2, dim=1)
        return mean, log_var


def decoder(z_dim: int, data: DataSpec, width: int = 64) -> nn.Module:
    """Latents [N, z_dim] → images [N, C, H, W] in [-1, 1]."""
    height, wide = smallest(data)
    units = 4 * width * height * wide
    layers: list[nn.Module] = [nn.Linear(z_dim, units, bias=False), BatchNorm1d(units), nn.ReLU()]
    layers += [nn.Unflatten(1, (4 * width, height, wide))]
    for before, after in pairwise((4 * width, 4 * width, 2 * width, width // 2)):
        layers += [StridedConvTranspose2d(before, after, 5, 2, 2, 1, bias=False), BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(width // 2, data.shape[0], 5, 1, 2), nn.Tanh())


class Discriminator(nn.Module):
    """Images → Output; its features are the maps [N, 4 · width, H / 8, W / 8] of the last convolution, normalised."""

    def __init__(self, data: DataSpec, width: int = 64):
        super().__init__()
        height, wide = smallest(data)
        layers: list[nn.Module] = [nn.Conv2d(data.shape[0], width // 2, 5, 1, 2)]
        for before, after in pairwise((width // 2, 2 * width, 4 * width, 4 * width)):
            layers += [nn.ReLU(), StridedConv2d(before, after, 5, 2, 2, bias=False), BatchNorm2d(after)]
        self.trunk = nn.Sequential(*layers)
        dense = nn.Linear(4 * width * height * wide, 8 * width, bias=False)
        norm = BatchNorm1d(8 * width)
        self.head = nn.Sequential(nn.ReLU(), nn.Flatten(), dense, norm, nn.ReLU(), nn.Linear(8 * width, 1))

    def forward(self, x: Tensor) -> Output:
        features = self.trunk(x)
        return Output(self.head(features).flatten(), features)


def smallest(data: DataSpec) -> tuple[int, int]:
    """Height and width of the smallest maps. UsageError for sides that are no multiples of 8."""
    _, height, wide = image_shape("VAE-GAN", data)
    if not _fits(height, wide):
        refuse("VAE-GAN", height, wide, _fits, "sides must be multiples of 8")
    return height >> HALVINGS, wide >> HALVINGS


def _fits(height: int, width: int) -> bool:
    return height % (1 << HALVINGS) == 0 and width % (1 << HALVINGS) == 0
