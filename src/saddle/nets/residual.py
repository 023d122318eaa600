"""Residual blocks that change their width, and the generators and discriminators that SNGAN, SAGAN and BigGAN build
from them. Miyato et al., 2018, Appendix B. https://arxiv.org/abs/1802.05957"""

from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import Tensor, nn

from ..base.errors import UsageError
from ..layers.attention import SelfAttention
from ..layers.norm import BatchNorm2d
from ..spec import DataSpec
from .resnet import FirstBlock, convolution, down, linear, up
from .shapes import halvings

Norm = Callable[[int], nn.Module]  # channels → a norm called as norm(x, condition)


class UpBlock(nn.Module):
    """norm, ReLU, up, convolution, norm, ReLU, convolution, beside a shortcut; then attention if the block attends.

    One that does not double the size has no weights in its shortcut, unless it changes the width.

    Maps [N, inputs, H, W] (and conditions [N, …]) → [N, outputs, 2 H, 2 W].
    """

    def __init__(self, inputs: int, outputs: int, norm: Norm, attends: bool = False, doubles: bool = True):
        super().__init__()
        self.norm_1, self.norm_2 = norm(inputs), norm(outputs)
        self.conv_1, self.conv_2 = convolution(inputs, outputs), convolution(outputs, outputs)
        plain = inputs == outputs and not doubles
        self.shortcut = nn.Identity() if plain else convolution(inputs, outputs, 1, gain=1.0)
        self.up = up if doubles else nn.Identity()
        self.attention = SelfAttention(outputs) if attends else nn.Identity()

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        h = self.conv_1(self.up(self.norm_1(x, condition).relu()))
        h = self.conv_2(self.norm_2(h, condition).relu())
        return self.attention(self.up(self.shortcut(x)) + h)


class DownBlock(nn.Module):
    """ReLU, convolution, ReLU, convolution, (down), beside a shortcut; then attention if the block attends.

    `wide` blocks widen at the first convolution, the others at the second. The shortcut's 1×1 convolution runs at the
    lower resolution, where it costs a quarter and is the same function.

    [N, inputs, H, W] → [N, outputs, H', W']
    """

    def __init__(self, inputs: int, outputs: int, wide: bool, shrinks: bool, attends: bool = False):
        super().__init__()
        hidden = outputs if wide else inputs
        self.conv_1, self.conv_2 = convolution(inputs, hidden), convolution(hidden, outputs)
        plain = inputs == outputs and not shrinks
        self.shortcut = nn.Identity() if plain else convolution(inputs, outputs, 1, gain=1.0)
        self.down = down if shrinks else nn.Identity()
        self.attention = SelfAttention(outputs) if attends else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv_2(self.conv_1(x.relu()).relu())
        return self.attention(self.shortcut(self.down(x)) + self.down(h))


class SumPool(nn.Module):
    """The sum over all places, [N, C, H, W] → [N, C]. The mean would shrink the logits, and their slope, by H·W."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sum((2, 3))


class RootPool(nn.Module):
    """The sum over all places over the root of their number, [N, C, H, W] → [N, C]: nothing comes farther apart."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sum((2, 3)) / (x.shape[2] * x.shape[3]) ** 0.5


class Generator(nn.Module):
    """A dense layer, blocks that double the size, batch norm, ReLU, convolution, tanh. Each block takes the label.

    z [N, z_dim] (and labels int64 [N]) → images [N, C, H, W]
    """

    def __init__(self, z_dim: int, data: DataSpec, widths: Sequence[int], norm: Norm, attention: int = 0):
        super().__init__()
        _, self.smallest = halvings("a residual generator", data)
        self.first = linear(z_dim, widths[0] * self.smallest[0] * self.smallest[1])
        sides = [min(self.smallest) << i for i in range(1, len(widths))]
        self.blocks = nn.ModuleList(
            UpBlock(before, after, norm, attends=side == attention)
            for (before, after), side in zip(pairwise(widths), sides, strict=True)
        )
        self.last = to_image(widths[-1], data.shape[0])

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        h = self.first(z).unflatten(1, (-1, *self.smallest))
        for block in self.blocks:
            h = block(h, label)
        return self.last(h)


def to_image(width: int, channels: int) -> nn.Module:
    """The end of a residual generator."""
    return nn.Sequential(BatchNorm2d(width), nn.ReLU(), convolution(width, channels, gain=1.0), nn.Tanh())


def trunk(data: DataSpec, widths: Sequence[int], shrinking: int, wide: bool = False, attention: int = 0) -> nn.Module:
    """Images → features [N, widths[-1]]: blocks of these widths, of which the first `shrinking` halve the size."""
    sides = [min(data.shape[1:]) >> min(i + 1, shrinking) for i in range(len(widths))]
    attends = [side == attention and i < shrinking for i, side in enumerate(sides)]
    blocks: list[nn.Module] = [FirstBlock(data.shape[0], widths[0])]
    blocks += [SelfAttention(widths[0])] if attends[0] else []
    blocks += [
        DownBlock(before, after, wide, i < shrinking, attends[i])
        for i, (before, after) in enumerate(pairwise(widths), 1)
    ]
    return nn.Sequential(*blocks, nn.ReLU(), SumPool())


def generator_widths(data: DataSpec, width: int) -> list[int]:
    """SNGAN's channels from the smallest map to the largest: four times `width` for images of CIFAR-10's size, else
    `width` doubled with every halving, up to 16 times."""
    levels, _ = halvings("a residual generator", data)
    if is_small(data):
        return [4 * width] * (levels + 1)
    return [width * min(16, 1 << levels - i) for i in range(levels + 1)]


def trunk_widths(data: DataSpec, width: int) -> tuple[list[int], int]:
    """SNGAN's channels of the discriminator's blocks, and how many of them halve the size."""
    levels, _ = halvings("a residual discriminator", data)
    if is_small(data):
        return [2 * width] * small_blocks(levels), max(levels - 1, 1)
    return [width * min(16, 1 << i) for i in range(max(5, levels + 1))], levels + (levels < 5)


def is_small(data: DataSpec) -> bool:
    """Is the network that of CIFAR-10, of one width throughout?"""
    return min(data.shape[1:]) < 48


def small_blocks(levels: int) -> int:
    """The discriminator's blocks for small images: all but one halving, then two that keep the size."""
    return max(levels - 1, 1) + 2


def attending(network: str, data: DataSpec, side: int | None) -> int:
    """The side of the maps that attend, 0 if none do: `side`, or if it is None 64 pixels, but at most half the image.

    UsageError if no map has that side.
    """
    levels, smallest = halvings(network, data)
    sides = [min(smallest) << i for i in range(1, levels + 1)]
    if side is None:
        return max([s for s in sides if s <= 64 and 2 * s <= sides[-1]], default=0)
    if side and side not in sides:
        possible = ", ".join(map(str, sides))
        raise UsageError(f"the maps of these images that can attend have sides of {possible}; 0 is none; not {side}")
    return side
