"""The networks of ProGAN, which grow with training. Karras et al., 2018. https://arxiv.org/abs/1710.10196

All layers exist from the start; `growth` says which of them take part, by default all. At 2.25, levels 0 to 2 are there
(4, 8 and 16 pixels) and level 3 has a quarter of the say: the image is a mixture of what the two uppermost levels draw.
Images go in and out at the resolution of the uppermost level.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from ..base.known import known, put
from ..base.ranges import PositiveInt
from ..layers.equalized import HE, EqualizedConv2d, EqualizedLinear
from ..layers.minibatch import MinibatchStd
from ..layers.pixel_norm import PixelNorm
from ..layers.resample import enlarge, shrink
from ..spec import DataSpec
from .network import Discriminator, Network
from .shapes import power_of_two

UNIT = 1 << 16  # of `growth`, a whole number of which is one level


class Growing(nn.Module):
    """A network of which only the levels up to `growth` take part."""

    growth: Tensor

    def __init__(self, levels: int):
        super().__init__()
        self.levels = levels
        self.register_buffer("growth", torch.tensor(0))  # a whole number, which averages copy; they mix others
        put(self.growth, (levels - 1) * UNIT)

    def grow(self, levels: float) -> bool:
        """From now on 0 is the first level alone, 0.5 half way into the second. True if one begins or has ended."""
        before, now = known(self.growth), round(levels * UNIT)
        put(self.growth, now)
        return (before // UNIT, -before // UNIT) != (now // UNIT, -now // UNIT)

    def stage(self) -> tuple[int, Tensor | None]:
        """The uppermost level, and its share [] of the image (α) if it is still below 1."""
        level, rest = divmod(known(self.growth), UNIT)
        return (level + 1, (self.growth % UNIT) / UNIT) if rest else (level, None)


class Generator(Growing):
    """Latents [N, z_dim] → images [N, C, 4·2^level, 4·2^level], without bounds."""

    def __init__(self, z_dim: int, widths: list[int], channels: int):
        super().__init__(len(widths))
        first = nn.Sequential(
            PixelNorm(),
            nn.Unflatten(1, (z_dim, 1, 1)),
            *_layer(z_dim, widths[0], 4, padding=3),  # of one pixel: a dense layer with a bias for every channel
            *_layer(widths[0], widths[0]),
        )
        up = nn.Upsample(scale_factor=2)
        blocks = (nn.Sequential(up, *_layer(i, o), *_layer(o, o)) for i, o in pairwise(widths))
        self.blocks = nn.ModuleList([first, *blocks])
        self.to_image = nn.ModuleList(EqualizedConv2d(width, channels, 1) for width in widths)

    def forward(self, z: Tensor) -> Tensor:
        level, share = self.stage()
        below = x = z
        for block in self.blocks[: level + 1]:  # type: ignore[union-attr]
            below, x = x, block(x)
        image = self.to_image[level](x)
        return image if share is None else mix(enlarge(self.to_image[level - 1](below)), image, share)

    def images(self, z: Tensor) -> list[Tensor]:
        """What every level draws of z [N, z_dim] that has grown, each [N, C, h, w], the smallest first.

        A level below the newest no longer learns to draw.
        """
        level, _ = self.stage()
        drawn, x = [], z
        for block, to_image in zip(self.blocks[:level], self.to_image[:level], strict=True):  # type: ignore[index]
            x = block(x)
            drawn.append(to_image(x))
        return [*drawn, self(z)]


class Trunk(Growing):
    """Images [N, C, 4·2^level, 4·2^level] → features [N, width]. No normalisation."""

    def __init__(self, widths: list[int], channels: int, group: int):
        super().__init__(len(widths))
        act = nn.LeakyReLU(0.2)
        self.from_image = nn.ModuleList(nn.Sequential(EqualizedConv2d(channels, width, 1, HE), act) for width in widths)
        last = nn.Sequential(
            MinibatchStd(group),
            EqualizedConv2d(widths[0] + 1, widths[0], 3, HE),
            act,
            nn.Flatten(),
            EqualizedLinear(widths[0] * 16, widths[0], HE),
            act,
        )
        blocks = (
            nn.Sequential(EqualizedConv2d(i, i, 3, HE), act, EqualizedConv2d(i, o, 3, HE), act, nn.AvgPool2d(2))
            for o, i in pairwise(widths)
        )
        self.blocks = nn.ModuleList([last, *blocks])

    def forward(self, x: Tensor) -> Tensor:
        level, share = self.stage()
        h = self.blocks[level](self.from_image[level](x))
        if share is not None:
            h = mix(self.from_image[level - 1](shrink(x)), h, share)
        for block in reversed(self.blocks[:level]):  # type: ignore[call-overload]
            h = block(h)
        return h


@dataclass(frozen=True)
class ProGAN(Network):
    """Karras et al.'s: 23,079,115 and 23,087,249 parameters at 1024×1024, 20,719,628 and 20,726,785 at 32×32.

    Square images whose side is a power of two, 8 or more.
    """

    channel_base: PositiveInt = 16384  # channels of a map times its side, where that is less than channel_max
    channel_max: PositiveInt = 512  # channels of the smallest maps
    group: PositiveInt = 4  # samples over which the discriminator sees the standard deviation

    def generator(self, z_dim: int, data: DataSpec) -> nn.Module:
        return Generator(z_dim, self.widths(data), data.shape[0])

    def discriminator(self, data: DataSpec) -> Discriminator:
        widths = self.widths(data)
        head = nn.Sequential(EqualizedLinear(widths[0], 1), nn.Flatten(0))
        return Discriminator(Trunk(widths, data.shape[0], self.group), head)

    def widths(self, data: DataSpec) -> list[int]:
        """Channels of every level, from 4×4 up."""
        levels = power_of_two("ProGAN", data) - 1
        return [max(1, min(self.channel_base // (4 << level), self.channel_max)) for level in range(levels)]


def mix(below: Tensor, above: Tensor, share: Tensor) -> Tensor:
    """The mixture of two images, both [N, C, H, W], with `share` [] of the one above → same shape."""
    return torch.lerp(below, above, share.to(below.dtype) if isinstance(share, Tensor) else share)


def _layer(inputs: int, outputs: int, kernel: int = 3, padding: int | None = None) -> list[nn.Module]:
    return [EqualizedConv2d(inputs, outputs, kernel, HE, padding=padding), nn.LeakyReLU(0.2), PixelNorm()]
