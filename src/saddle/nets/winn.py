"""The networks of WINN. Lee et al., 2018, Appendix. https://arxiv.org/abs/1711.08875"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..base.errors import UsageError
from ..base.precision import full
from ..base.ranges import PositiveInt
from ..layers.init import small_normal
from ..layers.whole import WholeMean
from ..spec import DataSpec
from .network import Discriminator, Network
from .shapes import halvings


@dataclass(frozen=True)
class WINN(Network):
    """Pairs of 3×3 convolutions with layer norm and swish, the second twice as wide, each pair before a mean pool.

    At 64×64 they have 32, 64, 64, 128, 128, 256, 256 and 512 channels. Layer norm leaves each sample its own gradient.
    The last layer has no bias: a difference of scores would never move it.
    """

    width: PositiveInt = 32  # channels of the first convolution

    def generator(self, z_dim: int, data: DataSpec) -> nn.Module:
        raise UsageError("WINN has no generator: it is for the game energy, whose discriminator draws the samples")

    def discriminator(self, data: DataSpec) -> Discriminator:
        levels, (height, wide) = halvings("WINN", data)
        layers: list[nn.Module] = [nn.Conv2d(data.shape[0], self.width, 3, padding=1), nn.SiLU()]
        channels = self.width
        for level in range(levels):
            layers += [*_block(channels, channels)] if level else []
            layers += [*_block(channels, 2 * channels), nn.AvgPool2d(2)]
            channels *= 2
        head = nn.Sequential(nn.Flatten(), nn.Linear(channels * height * wide, 1, bias=False))
        return small_normal(Discriminator(nn.Sequential(*layers), head))


class Starts(nn.Module):
    """Noise [N, size] → images in [-1, 1], by 5×5 convolutions that stay as they were drawn.

    Points and signals start from the noise itself.
    Each convolution halves the channels and is followed by a doubling of the size and layer norm; an image is stretched
    to the whole range in the end.

    z [N, z_dim · h · w] → [N, C, H, W]
    """

    def __init__(self, z_dim: int, data: DataSpec):
        super().__init__()
        levels, smallest = halvings("WINN", data) if data.is_image else (0, ())
        self.shape = (z_dim, *smallest) if data.is_image else data.shape
        self.size = math.prod(self.shape)
        layers: list[nn.Module] = []
        for level in range(levels):
            last = level == levels - 1
            outputs = data.shape[0] if last else max(z_dim >> (level + 1), 1)
            layers += [nn.Conv2d(max(z_dim >> level, 1), outputs, 5, padding=2), nn.Upsample(scale_factor=2)]
            layers += [] if last else [nn.GroupNorm(1, outputs)]
        self.layers = small_normal(nn.Sequential(*layers), std=0.1).requires_grad_(False)

    def forward(self, z: Tensor) -> Tensor:
        if not len(self.layers):
            return z.unflatten(1, self.shape)
        x = self.layers(z.unflatten(1, self.shape))
        low, high = (edge.view(-1, 1, 1, 1) for edge in x.flatten(1).aminmax(dim=1))
        return (x - low) / (high - low) * 2 - 1


def _block(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, padding=1), nn.GroupNorm(1, outputs), nn.SiLU()]


class Judge(nn.Module):
    """A discriminator that remembers how high data score, in buffers that are averaged as its weights are."""

    mean: Tensor
    std: Tensor

    def __init__(self, network: Discriminator):
        super().__init__()
        self.network, self.moments = network, WholeMean()
        self.register_buffer("mean", torch.tensor(0.0))
        self.register_buffer("std", torch.tensor(0.0))

    def forward(self, x: Tensor) -> Tensor:
        """Logits [N] of samples x [N, …]."""
        return full(self.network(x).logits)

    @torch.no_grad()
    def calibrate(self, real: Tensor) -> None:
        """Keep the mean and the deviation of the scores of data, real [N, …]."""
        logits = self(real)
        mean, square = self.moments.add(torch.stack((logits.mean(), logits.square().mean())))
        self.mean.copy_(mean)
        self.std.copy_((square - mean.square()).clamp_min(0).sqrt())
