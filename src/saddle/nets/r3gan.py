"""The network of R3GAN: a ResNeXt without normalisation. Huang et al., 2024. https://arxiv.org/abs/2501.05441"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..base.errors import UsageError
from ..base.ranges import Few, PositiveInt
from ..layers.activation import leaky_relu
from ..layers.conditional import rows_of
from ..layers.convolution import Conv2d
from ..layers.resample import double, halve
from ..spec import DataSpec
from .network import Discriminator, Network
from .shapes import halvings

_SLOPE = 0.2
_GAIN = (2 / (1 + _SLOPE**2)) ** 0.5  # keeps the variance through a leaky ReLU


def scaled(layer: nn.Module, fan_in: int, gain: float = 1.0) -> nn.Module:
    """Weights N(0, gain² / fan in), biases 0."""
    nn.init.normal_(layer.weight, 0.0, gain / fan_in**0.5)  # type: ignore[arg-type]
    if getattr(layer, "bias", None) is not None:
        nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


def mix(inputs: int, outputs: int) -> nn.Module:
    """A 1×1 convolution."""
    return scaled(Conv2d(inputs, outputs, 1, bias=False), inputs)


class Block(nn.Module):
    """1×1, leaky ReLU, grouped 3×3, leaky ReLU, 1×1 beside the identity, which is all that it is at first.

    [N, C, H, W] → same shape
    """

    def __init__(self, width: int, expanded: int, groups: int, gain: float):
        super().__init__()
        self.widen = scaled(Conv2d(width, expanded, 1), width, gain)
        self.look = scaled(Conv2d(expanded, expanded, 3, padding=1, groups=groups), 9 * expanded // groups, gain)
        self.narrow = Conv2d(expanded, width, 1, bias=False)
        nn.init.zeros_(self.narrow.weight)

    def forward(self, x: Tensor) -> Tensor:
        h = leaky_relu(self.widen(x), _SLOPE)
        h = leaky_relu(self.look(h), _SLOPE)
        return x + self.narrow(h)


class Double(nn.Module):
    """`double` as a layer: [N, C, H, W] → [N, C, 2 H, 2 W]."""

    def forward(self, x: Tensor) -> Tensor:
        return double(x)


class Halve(nn.Module):
    """`halve` as a layer: [N, C, H, W] → [N, C, H / 2, W / 2]."""

    def forward(self, x: Tensor) -> Tensor:
        return halve(x)


class FromLatent(nn.Module):
    """A learned map for each channel, scaled by a linear function of the latent.  [N, inputs] → [N, width, *size]"""

    def __init__(self, inputs: int, width: int, size: tuple[int, int]):
        super().__init__()
        self.maps = nn.Parameter(torch.randn(width, *size))
        self.scales = scaled(nn.Linear(inputs, width, bias=False), inputs)

    def forward(self, z: Tensor) -> Tensor:
        return self.maps * self.scales(z)[:, :, None, None]


class ToFeatures(nn.Module):
    """The scalar product of each channel with a learned map.  [N, C]"""

    def __init__(self, width: int, size: tuple[int, int]):
        super().__init__()
        self.maps = nn.Parameter(torch.randn(width, *size) / (size[0] * size[1]) ** 0.5)

    def forward(self, x: Tensor) -> Tensor:
        return (x * self.maps).sum((2, 3))


class Conditioned(nn.Module):
    """A generator whose latent is followed by an embedding of the label.

    z [N, z_dim], labels int64 [N] → images [N, C, H, W]
    """

    def __init__(self, embedding: nn.Embedding, network: nn.Module):
        super().__init__()
        self.embedding, self.network = embedding, network

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return self.network(torch.cat((z, rows_of(self.embedding.weight, label).to(z)), 1))


class Projection(nn.Module):
    """A linear map of features [N, width], projected on an embedding of labels int64 [N] → logits [N]."""

    def __init__(self, width: int, classes: int):
        super().__init__()
        self.linear = scaled(nn.Linear(width, width, bias=False), width)
        self.embedding = scaled(nn.Embedding(classes, width), classes, width**-0.5)

    def forward(self, features: Tensor, label: Tensor) -> Tensor:
        return (self.linear(features) * self.embedding(label)).sum(1)


@dataclass(frozen=True)
class R3GAN(Network):
    """Huang et al.'s Config E. At 32×32, 64 latents: 20,732,160 and 20,683,776 parameters; with CIFAR-10's labels
    20,781,952 and 21,280,512.

    FFHQ at 64 and 256 pixels are the same settings; ImageNet's are width 1536, groups of 32, at 64 pixels 5 wide maps.
    """

    takes_labels: ClassVar[bool] = True

    width: PositiveInt = 768  # channels of the smallest maps
    wide: PositiveInt = 4
    """how many sizes of map are that wide; each larger one has half the channels of the one before"""
    blocks: Few = 2  # residual blocks for each size of map
    expansion: PositiveInt = 2  # channels inside a block, for each outside
    group: PositiveInt = 16  # channels in a group of the 3×3 convolution

    def generator(self, z_dim: int, data: DataSpec) -> nn.Module:
        smallest, widths = self._sizes(data)
        embedded = (z_dim or widths[0]) if data.classes else 0  # numbers in which the generator is given a label
        layers: list[nn.Module] = [FromLatent(z_dim + embedded, widths[0], smallest), *self._blocks(widths, 0)]
        for level in range(1, len(widths)):
            if widths[level] != widths[level - 1]:
                layers.append(mix(widths[level - 1], widths[level]))
            layers += [Double(), *self._blocks(widths, level)]
        network = nn.Sequential(*layers, mix(widths[-1], data.shape[0]))
        if not data.classes:
            return network
        classes = len(data.classes)
        embedding = nn.Embedding(classes, embedded)
        scaled(embedding, classes)
        return Conditioned(embedding, network)

    def discriminator(self, data: DataSpec) -> Discriminator:
        smallest, widths = self._sizes(data)
        layers = [mix(data.shape[0], widths[-1])]
        for level in reversed(range(1, len(widths))):
            layers += [*self._blocks(widths, level), Halve()]
            if widths[level] != widths[level - 1]:
                layers.append(mix(widths[level], widths[level - 1]))
        layers += [*self._blocks(widths, 0), ToFeatures(widths[0], smallest)]
        if data.classes:
            return Discriminator(nn.Sequential(*layers), Projection(widths[0], len(data.classes)))
        return Discriminator(nn.Sequential(*layers), scaled(nn.Linear(widths[0], 1, bias=False), widths[0]))

    def _sizes(self, data: DataSpec) -> tuple[tuple[int, int], list[int]]:
        """The smallest map, and the channels of the maps from there on; UsageError unless groups come out even."""
        levels, smallest = halvings("R3GAN", data)
        widths = [self.width >> max(0, level + 1 - self.wide) for level in range(levels + 1)]
        if any(width * self.expansion % self.group for width in widths) or widths[-1] < 1:
            raise UsageError(
                f"R3GAN's maps would have {', '.join(map(str, widths))} channels; {self.expansion} times each is to be "
                f"a multiple of {self.group} (network.group): choose another network.width, or more network.wide"
            )
        return smallest, widths

    def _blocks(self, widths: list[int], level: int) -> list[nn.Module]:
        expanded = self.expansion * widths[level]
        gain = _GAIN * (self.blocks * len(widths)) ** -0.25
        return [Block(widths[level], expanded, expanded // self.group, gain) for _ in range(self.blocks)]
