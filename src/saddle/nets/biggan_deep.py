"""The networks of BigGAN-deep. Brock et al., 2019, Appendix B, Figure 16. https://arxiv.org/abs/1809.11096"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from ..base.ranges import Few, NonNegativeInt, PositiveFloat, PositiveInt
from ..base.settings import Before
from ..layers.attention import SelfAttention
from ..layers.conditional import Projection, VectorBatchNorm2d, rows_of
from ..layers.tables import keep
from ..spec import DataSpec
from .biggan import class_embedding, generator_factors, start, trunk_factors
from .network import Discriminator, Network
from .residual import Norm, SumPool, attending, to_image
from .resnet import convolution, down, linear, up
from .shapes import halvings

RATIO = 4  # of a block's channels to those of its bottleneck


class UpBottleneck(nn.Module):
    """1×1, (up), 3×3, 3×3, 1×1 with norms and ReLUs before; the shortcut drops the channels that are too many.

    Maps [N, inputs, H, W] and conditions [N, K] → [N, outputs, H', W']
    """

    def __init__(self, inputs: int, outputs: int, norm: Norm, grows: bool):
        super().__init__()
        narrow = max(1, inputs // RATIO)
        self.norms = nn.ModuleList(norm(width) for width in (inputs, narrow, narrow, narrow))
        self.enter, self.leave = convolution(inputs, narrow, 1), convolution(narrow, outputs, 1)
        self.inner = nn.ModuleList(convolution(narrow, narrow) for _ in range(2))
        self.outputs, self.up = outputs, up if grows else nn.Identity()

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        h = self.enter(self.norms[0](x, condition).relu())
        h = self.inner[0](self.up(self.norms[1](h, condition).relu()))
        h = self.inner[1](self.norms[2](h, condition).relu())
        h = self.leave(self.norms[3](h, condition).relu())
        return self.up(x[:, : self.outputs]) + h


class DownBottleneck(nn.Module):
    """1×1, 3×3, 3×3, (down), 1×1 with ReLUs before; the shortcut adds the channels that are missing.

    [N, inputs, H, W] → [N, outputs, H', W']
    """

    def __init__(self, inputs: int, outputs: int, shrinks: bool):
        super().__init__()
        narrow = max(1, outputs // RATIO)
        self.enter, self.leave = convolution(inputs, narrow, 1), convolution(narrow, outputs, 1)
        self.inner = nn.ModuleList(convolution(narrow, narrow) for _ in range(2))
        self.more = convolution(inputs, outputs - inputs, 1, gain=1.0) if outputs > inputs else None
        self.down = down if shrinks else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        h = self.enter(x.relu())
        for conv in self.inner:
            h = conv(h.relu())
        h = self.leave(self.down(h.relu()))
        x = self.down(x)
        return h + (x if self.more is None else torch.cat((x, self.more(x)), dim=1))


class DeepGenerator(nn.Module):
    """All of z beside the class embedding makes the first map and sets the norms of every block (B.2).

    z [N, z_dim], labels int64 [N] → images [N, C, H, W]
    """

    def __init__(self, z_dim: int, data: DataSpec, widths: Sequence[int], shared: int, depth: int, attention: int):
        super().__init__()
        _, self.smallest = halvings("BigGANDeep", data)
        self.embedding = class_embedding(len(data.classes), shared)
        condition = z_dim + (shared if data.classes else 0)
        norm = partial(VectorBatchNorm2d, condition=condition)
        self.first = linear(condition, widths[0] * self.smallest[0] * self.smallest[1])
        self.levels = nn.ModuleList()
        for before, after in pairwise(widths):
            same = [UpBottleneck(before, before, norm, grows=False) for _ in range(depth - 1)]
            self.levels.append(nn.ModuleList([*same, UpBottleneck(before, after, norm, grows=True)]))
        sides = [min(self.smallest) << i for i in range(1, len(widths))]
        self.attentions = nn.ModuleList(
            SelfAttention(width) if side == attention else nn.Identity()
            for width, side in zip(widths[1:], sides, strict=True)
        )
        self.last = to_image(widths[-1], data.shape[0])

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        embedded = [] if self.embedding is None or label is None else [rows_of(self.embedding.weight, label)]
        condition = torch.cat([*embedded, z], dim=1)
        h = self.first(condition).unflatten(1, (-1, *self.smallest))
        for blocks, attention in zip(self.levels, self.attentions, strict=True):
            for block in blocks:  # type: ignore[attr-defined]
                h = block(h, condition)
            h = attention(h)
        return self.last(h)


@dataclass(frozen=True)
class BigGANDeep(Network):
    """BigGAN of bottlenecks whose shortcuts keep the channels: four times as deep, with fewer parameters.

    For 128×128 and 1,000 classes, from 128 latents: 50,244,484 and 34,590,210. Of 64 and 32 pixels it has the widths of
    the code that is published in PyTorch, which are not the generator's backwards (`mirrored`).
    """

    width: PositiveInt = 128  # channels of the largest map, ch; small images have 4 times as many throughout
    shared: PositiveInt = 128  # numbers of the class embedding that all layers share
    depth: Few = 2  # blocks at each size
    attention: NonNegativeInt | None = None
    """side of the maps that attend, 0 for none; none: 64, but at most half the image's"""
    lipschitz: PositiveFloat = 1.0  # K: σ of every layer of the discriminator
    spectral_generator: bool = True  # spectral norm in the generator; false: its weights are used as they are
    tables: NonNegativeInt = 0
    """sets of batch norm's statistics, for truncations evenly from 0 to 1; 0: those of training alone"""
    swapped: bool = False  # between two sets: the weights of the two swapped, as published in pytorch-pretrained-BigGAN
    mirrored: Annotated[bool, Before(True)] = False  # the discriminator has the generator's widths and sizes backwards

    takes_labels: ClassVar[bool] = True

    def generator(self, z_dim: int, data: DataSpec) -> nn.Module:
        side = attending("BigGANDeep", data, self.attention)
        widths = [self.width * factor for factor in generator_factors(data)]
        generator = DeepGenerator(z_dim, data, widths, self.shared, self.depth, side)
        return start(keep(generator, self.tables), spectral=self.spectral_generator)

    def discriminator(self, data: DataSpec) -> Discriminator:
        side = attending("BigGANDeep", data, self.attention)
        factors, shrinking = trunk_factors(data)
        if self.mirrored:
            factors = generator_factors(data)[::-1]
            shrinking = len(factors) - 1
        widths = [self.width * factor for factor in factors]
        layers: list[nn.Module] = [convolution(data.shape[0], widths[0])]
        for level, (before, after) in enumerate(pairwise(widths), 1):
            layers += [DownBottleneck(before, after, shrinks=level <= shrinking)]
            layers += [DownBottleneck(after, after, shrinks=False) for _ in range(self.depth - 1)]
            attends = level <= shrinking and min(data.shape[1:]) >> level == side
            layers += [SelfAttention(after)] if attends else []
        head = Projection(widths[-1], len(data.classes))
        return start(Discriminator(nn.Sequential(*layers, nn.ReLU(), SumPool()), head), self.lipschitz)
