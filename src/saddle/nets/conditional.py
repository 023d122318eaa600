"""Networks that are given what a sample shows beside their input, and discriminators with a second head."""

import math
from copy import deepcopy
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from ..base.errors import UsageError
from ..context import Output
from ..layers.conditional import shares
from ..layers.norm import BatchNorm2d
from ..spec import SAMPLES, DataSpec
from .dcgan import DCGAN
from .network import Discriminator, Network


def condition_size(data: DataSpec) -> int:
    """Numbers of a condition that a network is given with a sample: classes or columns; 0 if there is none."""
    return len(data.condition.names) if data.condition else 0


class Standardised(nn.Module):
    """A condition as a network takes it: a class as one-hot, labels as they are, numbers in deviations from their mean.

    Both are those of the data's distribution. A number that varies by 0.1 where z varies by 1 would hardly count.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, data: DataSpec):
        super().__init__()
        self.size, rows = condition_size(data), torch.zeros(0)
        if data.condition and data.condition.kind == "numbers":
            rows = torch.tensor(data.distribution)
        mean, deviation = (rows.mean(0), rows.std(0, correction=0)) if len(rows) else (torch.zeros(()), torch.ones(()))
        self.register_buffer("mean", mean, persistent=False)  # the data's spec remembers them
        self.register_buffer("deviation", deviation.where(deviation > 0, 1.0), persistent=False)

    def forward(self, label: Tensor) -> Tensor:
        """Labels int64 [N] or float [N, K] → [N, K]"""
        return (shares(label, self.size) - self.mean) / self.deviation

    def restored(self, numbers: Tensor) -> Tensor:
        """The way back: float [N, K] → the same shape in the condition's own units."""
        return self.mean + self.deviation * numbers


class Beside(nn.Module):
    """Layers whose input has the label beside it: as further numbers of a latent or a point, as channels of a map."""

    def __init__(self, layers: nn.Module, data: DataSpec):
        super().__init__()
        self.layers, self.standardised = layers, Standardised(data)

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        """x [N, D] or [N, C, H, W] and labels int64 [N] or float [N, K] → the layers' output for both, [N, …]"""
        numbers = self.standardised(label).to(x)
        spread = numbers[(..., *[None] * (x.ndim - 2))].expand(-1, -1, *x.shape[2:])
        return self.layers(torch.cat((x, spread), 1))


class Joined(nn.Module):
    """Layers of the input and layers of the label, whose outputs meet side by side in a third stack."""

    def __init__(self, own: nn.Module, of_label: nn.Module, joint: nn.Module, data: DataSpec):
        super().__init__()
        self.own, self.of_label, self.joint, self.standardised = own, of_label, joint, Standardised(data)

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        """x [N, …] and labels int64 [N] or float [N, K] → the joint layers' output, [N, …]"""
        h = self.own(x)
        return self.joint(torch.cat((h, self.of_label(self.standardised(label).to(h))), 1))


class ToldDiscriminator(Discriminator):
    """A discriminator whose trunk takes the label, so that its head need not."""

    def forward(self, x: Tensor, label: Tensor | None = None) -> Output:
        features = self.trunk(x, label)
        return Output(self.head(features).flatten(), features)


@dataclass(frozen=True)
class Concatenation(Network):
    """Any network, given the label beside its input: after z, and after the sample's channels as constant maps.

    What Mirza & Osindero, 2014 (https://arxiv.org/abs/1411.1784), do to layers, done to a whole architecture. One
    network takes classes, as one-hot rows, and columns of numbers. Each column adds a channel to the first layers.
    """

    takes = SAMPLES  # what its network takes
    takes_labels: ClassVar[bool] = True
    takes_columns: ClassVar[bool] = True

    network: Network = DCGAN()  # the architecture, without labels

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.network.takes_labels or self.network.gives_energies:
            why = "takes labels by itself" if self.network.takes_labels else "judges by how well it draws its input"
            raise UsageError(f"{type(self.network).__name__} {why}; choose it without Concatenation")

    def generator(self, z_dim: int, data: DataSpec) -> nn.Module:
        size = condition_size(data)
        plain = self.network.generator(z_dim + size, data.unconditional())
        return Beside(plain, data) if size else plain

    def discriminator(self, data: DataSpec) -> Discriminator:
        size, channels = condition_size(data), data.shape[0]
        shape = (channels + size, *data.shape[1:])
        plain = self.network.discriminator(data.unconditional().with_shape(shape))
        return ToldDiscriminator(Beside(plain.trunk, data), plain.head) if size else plain


class TwoHeads(nn.Module):
    """A discriminator that is given no label, and a second head, which is applied by itself to an output's features."""

    def __init__(self, judge: Discriminator, second: nn.Module):
        super().__init__()
        self.judge, self.second = judge, second

    def forward(self, x: Tensor, label: Tensor | None = None) -> Output:
        """Samples [N, …] → Output, whatever their labels [N, …] are."""
        return self.judge(x)


def match_head(shape: tuple[int, ...], data: DataSpec) -> nn.Module:
    """Features of this shape, without the batch, and labels → logits [N, 1] of "it is what the label says".

    On maps as in StackGAN-v2: the label on every place, a 3×3 convolution, batch norm, one over the whole map. Zhang et
    al., 2018. https://arxiv.org/abs/1710.10916
    """
    leak, size = nn.LeakyReLU(0.2), condition_size(data)
    if len(shape) < 3:
        width = math.prod(shape)
        return Beside(nn.Sequential(nn.Linear(width + size, width), leak, nn.Linear(width, 1)), data)
    channels, height, width = shape
    first = nn.Conv2d(channels + size, channels, 3, padding=1, bias=False)
    last = nn.Conv2d(channels, 1, (height, width))
    return Beside(nn.Sequential(first, BatchNorm2d(channels), leak, last, nn.Flatten()), data)


class ClassOutput(NamedTuple):
    """Is x real, and what does it show?"""

    logits: Tensor  # [N]
    features: Tensor  # [N, …]: what the last layer saw
    classes: Tensor  # logits [N, K]


class ClassDiscriminator(nn.Module):
    """K classes against none: the logit of "real" is log Σ exp of theirs, since that of "fake" is fixed at 0.

    Salimans et al., 2016, Section 5: adding a number to all K + 1 logits changes nothing, so one of them is free.

    Samples [N, …] → ClassOutput.
    """

    def __init__(self, trunk: nn.Module, head: nn.Module):
        super().__init__()
        self.trunk, self.head = trunk, head

    def forward(self, x: Tensor) -> ClassOutput:
        features = self.trunk(x)
        classes = self.head(features)
        return ClassOutput(classes.logsumexp(1), features, classes)


def features_shape(discriminator: Discriminator, data: DataSpec) -> tuple[int, ...]:
    """Of a discriminator's features of such samples, without the batch."""
    sketch = deepcopy(discriminator).eval()  # a copy, so that no trace is left in statistics
    with torch.no_grad():
        seen = sketch(torch.zeros(2, *data.shape, device=next(discriminator.parameters()).device))
    return tuple(seen.features.shape[1:])
