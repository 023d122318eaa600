"""The networks of BigGAN. Brock et al., 2019, Appendix B, Figure 15. https://arxiv.org/abs/1809.11096"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..base.errors import UsageError
from ..base.ranges import NonNegativeInt, PositiveFloat, PositiveInt
from ..layers.conditional import ClassBatchNorm2d, Projection, VectorBatchNorm2d, rows_of
from ..layers.init import M, orthogonal
from ..layers.spectral import spectral_norm
from ..spec import DataSpec
from .network import Discriminator, Network
from .residual import Generator, UpBlock, attending, small_blocks, to_image, trunk
from .resnet import linear
from .shapes import halvings


def class_embedding(classes: int, size: int) -> nn.Embedding | None:
    """One vector a class, for all layers; without classes there is none, and z alone sets the scales."""
    return nn.Embedding(classes, size) if classes else None


class SharedGenerator(nn.Module):
    """z in equal pieces: the first makes the first map, each block's norms see the next one beside the class (B.1).

    z [N, z_dim], labels int64 [N] → images [N, C, H, W]
    """

    def __init__(self, z_dim: int, data: DataSpec, widths: Sequence[int], shared: int, attention: int):
        super().__init__()
        _, self.smallest = halvings("BigGAN", data)
        self.piece, rest = divmod(z_dim, len(widths))
        if rest or (not self.piece and (z_dim or not data.classes)):
            near = max(self.piece, 1) * len(widths)
            raise UsageError(
                f"BigGAN divides z into {len(widths)} equal pieces for its layers; {z_dim} numbers do not divide so; "
                f"choose z_dim {near} or {near + len(widths)}"
            )
        self.embedding = class_embedding(len(data.classes), shared)
        condition = self.piece + (shared if data.classes else 0)
        self.first = linear(self.piece, widths[0] * self.smallest[0] * self.smallest[1])
        sides = [min(self.smallest) << i for i in range(1, len(widths))]
        self.blocks = nn.ModuleList(
            UpBlock(before, after, partial(VectorBatchNorm2d, condition=condition), side == attention)
            for (before, after), side in zip(pairwise(widths), sides, strict=True)
        )
        self.last = to_image(widths[-1], data.shape[0])

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        condition = [] if self.embedding is None or label is None else [rows_of(self.embedding.weight, label)]
        first, *pieces = z.tensor_split(len(self.blocks) + 1, dim=1)
        h = self.first(first).unflatten(1, (-1, *self.smallest))
        for block, piece in zip(self.blocks, pieces, strict=True):
            h = block(h, torch.cat([*condition, piece], dim=1))
        return self.last(h)


@dataclass(frozen=True)
class BigGAN(Network):
    """Wide residual networks with self-attention, orthogonal start and spectral norm in both.

    For 128×128 and 1,000 classes, from 120 latents: 70,433,988 and 87,982,370 parameters. The class embedding of the
    generator is not spectrally normalised. With `shared` 0 and `attention` 0 and a width of 64 it is what is published
    for CIFAR-10. Images without labels have their scales set by z alone.
    """

    width: PositiveInt = 96  # channels of the largest map, ch; small images have 4 times as many throughout
    shared: NonNegativeInt = 128  # numbers of the class embedding; 0: a table of scales in each layer, and z undivided
    attention: NonNegativeInt | None = None
    """side of the maps that attend, 0 for none; none: 64, but at most half the image's"""
    lipschitz: PositiveFloat = 1.0  # K: σ of every layer of the discriminator
    spectral_generator: bool = True  # spectral norm in the generator; false: its weights are used as they are

    takes_labels: ClassVar[bool] = True

    def generator(self, z_dim: int, data: DataSpec) -> nn.Module:
        side = attending("BigGAN", data, self.attention)
        widths = [self.width * factor for factor in generator_factors(data)]
        if self.shared:
            return start(SharedGenerator(z_dim, data, widths, self.shared, side), spectral=self.spectral_generator)
        norm = partial(ClassBatchNorm2d, classes=len(data.classes))
        return start(Generator(z_dim, data, widths, norm, side), spectral=self.spectral_generator)

    def discriminator(self, data: DataSpec) -> Discriminator:
        side = attending("BigGAN", data, self.attention)
        factors, shrinking = trunk_factors(data)
        widths = [self.width * factor for factor in factors]
        head = Projection(widths[-1], len(data.classes))
        body = trunk(data, widths, shrinking, wide=True, attention=side)
        return start(Discriminator(body, head), self.lipschitz)


def start(network: M, lipschitz: float = 1.0, spectral: bool = True) -> M:
    """Orthogonal weights, then spectral norm everywhere but on a generator's class embedding: σ is `lipschitz`."""
    orthogonal(network)
    if not spectral:
        return network
    for name, part in network.named_children():
        if name != "embedding":
            spectral_norm(part, lipschitz)
    return network


def generator_factors(data: DataSpec) -> list[int]:
    """Channels of the maps from the smallest to the largest, in units of ch (Table 4 and the authors' code)."""
    levels, _ = halvings("BigGAN", data)
    if levels <= 3:
        return [4] * (levels + 1)
    condition = {4: [16, 16, 8, 4, 2], 5: [16, 16, 8, 4, 2, 1]}
    return condition.get(levels, [16, 16, 8, 8, 4, 2, 1] + [1] * (levels - 6))


def trunk_factors(data: DataSpec) -> tuple[list[int], int]:
    """Channels of the discriminator's blocks in units of ch, and how many of them halve the size."""
    levels, _ = halvings("BigGAN", data)
    if levels <= 3:
        return [4] * small_blocks(levels), max(levels - 1, 1)
    condition = {4: [1, 2, 4, 8, 16], 5: [1, 2, 4, 8, 16, 16]}
    return condition.get(levels, [1] * (levels - 6) + [1, 2, 4, 8, 8, 16, 16]), levels
