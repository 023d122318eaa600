"""The residual network of WGAN-GP for CIFAR-10. Gulrajani et al., 2017. https://arxiv.org/abs/1704.00028"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from ..base.ranges import PositiveFloat, PositiveInt
from ..layers.init import dense
from ..layers.norm import BatchNorm2d
from ..layers.spectral import spectral_norm
from ..spec import DataSpec
from .network import Discriminator, Network
from .shapes import halvings


def convolution(inputs: int, outputs: int, kernel: int = 3, gain: float = 2**0.5, bias: bool = True) -> nn.Conv2d:
    """A 'same' convolution with uniform weights of variance gain² · 2 / (fan in + fan out), as the code draws them."""
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=bias)
    nn.init.xavier_uniform_(conv.weight, gain)
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
    return conv


def linear(inputs: int, outputs: int) -> nn.Linear:
    """A fully connected layer with Glorot's uniform weights."""
    layer = dense(inputs, outputs)
    if inputs:
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
    return layer


def up(x: Tensor) -> Tensor:
    """Every pixel four times: [N, C, H, W] → [N, C, 2 H, 2 W]."""
    return interpolate(x, scale_factor=2, mode="nearest")


def down(x: Tensor) -> Tensor:
    """Means of 2 × 2 pixels: [N, C, H, W] → [N, C, H / 2, W / 2]."""
    return avg_pool2d(x, 2)


class Block(nn.Module):
    """norm, ReLU, (up), convolution, norm, ReLU, convolution, (down), beside a shortcut.

    The shortcut's 1×1 convolution runs at the lower resolution, where it costs a quarter and is the same function. To
    other `outputs` the first convolution leads going up, the second going down.

    [N, inputs, H, W] → [N, outputs, H', W']
    """

    def __init__(
        self,
        width: int,
        scale: Literal["up", "down", "same"],
        norm: Callable[[int], nn.Module] = nn.Identity,
        outputs: int | None = None,
        bias: bool = True,  # in the first convolution too
    ):
        super().__init__()
        self.scale = scale
        outputs = outputs or width
        hidden = outputs if scale == "up" else width
        self.norm_1, self.norm_2 = norm(width), norm(hidden)
        self.conv_1, self.conv_2 = convolution(width, hidden, bias=bias), convolution(hidden, outputs)
        self.shortcut = nn.Identity() if scale == "same" else convolution(width, outputs, 1, gain=1.0)

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm_1(x).relu()
        h = self.conv_1(up(h) if self.scale == "up" else h)
        h = self.conv_2(self.norm_2(h).relu())
        if self.scale == "up":
            return up(self.shortcut(x)) + h
        return self.shortcut(down(x)) + down(h) if self.scale == "down" else x + h


class FirstBlock(nn.Module):
    """The critic's first: no norm and no ReLU before the image.  [N, C, H, W] → [N, width, H / 2, W / 2]"""

    def __init__(self, channels: int, width: int):
        super().__init__()
        self.conv_1, self.conv_2 = convolution(channels, width), convolution(width, width)
        self.shortcut = convolution(channels, width, 1, gain=1.0)

    def forward(self, x: Tensor) -> Tensor:
        return down(self.conv_2(self.conv_1(x).relu())) + self.shortcut(down(x))


class MeanPool(nn.Module):
    """The mean of each map: [N, C, H, W] → [N, C]."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


@dataclass(frozen=True)
class ResNet(Network):
    """Gulrajani et al.'s for CIFAR-10: 1,204,483 and 1,053,825 parameters at 32×32 from 128 latents.

    Batch norm in the generator, none in the critic. Other sizes take more or fewer levels of the same width.
    """

    width: PositiveInt = 128  # channels everywhere
    spectral: bool = False  # spectral norm in the discriminator
    lipschitz: PositiveFloat = 1.0  # K: σ of every layer of the discriminator, where it has spectral norm

    def generator(self, z_dim: int, data: DataSpec) -> nn.Module:
        levels, (height, width) = halvings("ResNet", data)
        return nn.Sequential(
            linear(z_dim, self.width * height * width),
            nn.Unflatten(1, (self.width, height, width)),
            *(Block(self.width, "up", BatchNorm2d) for _ in range(levels)),
            BatchNorm2d(self.width),
            nn.ReLU(),
            convolution(self.width, data.shape[0], gain=1.0),
            nn.Tanh(),
        )

    def discriminator(self, data: DataSpec) -> Discriminator:
        levels, _ = halvings("ResNet", data)
        trunk = nn.Sequential(
            FirstBlock(data.shape[0], self.width),
            *(Block(self.width, "down") for _ in range(levels - 2)),
            *(Block(self.width, "same") for _ in range(2)),
            nn.ReLU(),
            MeanPool(),
        )
        discriminator = Discriminator(trunk, linear(self.width, 1))
        return spectral_norm(discriminator, self.lipschitz) if self.spectral else discriminator
