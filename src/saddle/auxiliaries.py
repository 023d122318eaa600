"""Auxiliary losses: an extra loss of one player, made of what the discriminator's last layer saw."""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from .base import dist
from .base.formulas import stated, times
from .base.precision import full
from .base.ranges import Weight
from .base.settings import Settings
from .context import Context


@dataclass(frozen=True)
class Auxiliary(Settings, ABC):
    """A weighted scalar of a context, for one player."""

    players: ClassVar[tuple[str, ...]] = ("generator",)  # whose loss it is
    compares: ClassVar[bool] = False  # does it need the output on real samples in the generator's move?
    alone: ClassVar[str | None] = None  # why a batch of one sample will not do

    weight: Weight = 1.0  # factor on the loss

    @property
    def name(self) -> str:
        """What the log calls it: the class's name in snake case."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(self).__name__).lower()

    def __call__(self, context: Context) -> Tensor:
        return self.weight * self.measure(context)

    @abstractmethod
    def measure(self, context: Context) -> Tensor:
        """The loss before its weight, []."""

    def formula(self, mover: str) -> str:
        """What is added to the loss of the "discriminator" or the "generator", with the settings' values."""
        return times(self.weight, self.unweighted(mover))

    def unweighted(self, mover: str) -> str:
        """The same before its weight: the first line of the docstring, where a kind does not say it otherwise."""
        return stated(self, mover)

    def forbids(self, game: nn.Module) -> str | None:
        """Why this loss cannot go with this game's networks and settings, in one sentence; None if it can."""
        return None


@dataclass(frozen=True)
class PullAway(Auxiliary):
    """cos²(f(G(z)), f(G(z'))), over all pairs of fakes of a batch.  Zhao et al., 2016, Eq. 6.

    https://arxiv.org/abs/1609.03126. f is what the discriminator's last layer sees: of any two fakes it is to differ.
    """

    alone: ClassVar[str | None] = "PullAway keeps the fakes of a batch apart"

    weight: float = 0.1  # factor on the loss

    def measure(self, context: Context) -> Tensor:
        assert context.fake_output
        own = normalize(full(context.fake_output.features).flatten(1), dim=1)
        everyone = dist.gather(own)  # of all processes, [world · N, s]
        squares = (own @ everyone.T).square()
        squares = squares.masked_fill(_same(squares, first=dist.rank() * len(own)), 0)
        half = squares.sum() / (len(own) * (len(everyone) - 1))
        return 2 * half - half.detach()  # the gradient through the rows is half of it, the columns' is the other half


def _same(pairs: Tensor, first: int) -> Tensor:
    """Where a row, numbered from `first` on, meets itself among the columns."""
    rows, columns = (torch.arange(n, device=pairs.device) for n in pairs.shape)
    return (rows + first)[:, None] == columns


@dataclass(frozen=True)
class FeatureMatching(Auxiliary):
    """‖E f(x) - E f(G(z))‖², f what the discriminator's last layer sees.  Salimans et al., 2016, Section 3.1.

    https://arxiv.org/abs/1606.03498. The means are the batch's, of all processes; every micro-batch is one of its own.
    With `statistic` median E is the median of each feature, which a few odd samples do not move.
    """

    compares: ClassVar[bool] = True

    statistic: Literal["mean", "median"] = "mean"  # of each feature over a batch: what is compared
    absolute: bool = False  # the authors' code: the mean of the absolute differences

    def unweighted(self, mover: str) -> str:
        told = super().unweighted(mover)
        told = told.replace("E f", "median f") if self.statistic == "median" else told
        return told.replace("‖²", "‖₁, the mean over the features", 1) if self.absolute else told

    def measure(self, context: Context) -> Tensor:
        assert context.real_output is not None
        assert context.fake_output is not None
        real = full(context.real_output.features).detach().flatten(1)
        fake = full(context.fake_output.features).flatten(1)
        if self.statistic == "median":
            gap = median(dist.gather(real)) - median(dist.joint_gather(fake))
        else:
            gap = dist.mean(real.mean(0)) - dist.joint_mean(fake.mean(0))
        return gap.abs().mean() if self.absolute else gap.square().sum()


def median(x: Tensor) -> Tensor:
    """Of each column of [N, K], [K]: the middle value, or the mean of the two in the middle."""
    ordered, half = x.sort(0).values, (len(x) - 1) // 2
    return (ordered[half] + ordered[len(x) - 1 - half]) / 2
