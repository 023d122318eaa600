"""Views: what the discriminator is shown instead of the samples themselves, real and fake alike.

A view is a setting; the module that it builds is applied before every judgement, and gradients flow through it.
Random numbers are drawn for each sample through `rng`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor, nn

from . import rng
from .errors import UsageError
from .optim import Linear, Schedule
from .spec import DataSpec


class Shown(nn.Module, ABC):
    """A view at work. What it must remember is a buffer."""

    @abstractmethod
    def forward(self, x: Tensor, progress: float) -> Tensor:
        """What is shown of samples [N, …] at this progress (0 to 1) of the run."""

    def adapt(self, real_logits: Tensor) -> None:  # noqa: B027
        """After a step of the discriminator: learn from what it made of the real samples."""


@dataclass(frozen=True)
class View(ABC):
    """What the discriminator is shown."""

    def shows(self, data: DataSpec) -> DataSpec:
        """What the discriminator must be built for."""
        return data

    @abstractmethod
    def build(self, data: DataSpec) -> Shown:
        """The view at work on samples of these data."""

    def least(self) -> int:
        """How many samples it wants at a time; batches are multiples of it."""
        return 1

    def forbids(self, game: nn.Module) -> str | None:
        """Why this view cannot go with this game's networks and settings, in one sentence; None if it can."""
        return None


@dataclass(frozen=True)
class InstanceNoise(View):
    """x + σ ε, fresh for every judgement, so that data and fakes overlap. Arjovsky & Bottou, 2017; Sønderby et al., 2017.

    https://arxiv.org/abs/1701.04862
    """

    std: Schedule = Linear(start=0.1, end=0.0)  # σ, in units of samples whose range is [-1, 1]

    def __post_init__(self) -> None:
        if min(self.std(0, progress) for progress in (0.0, 0.5, 1.0)) < 0:
            raise UsageError("the std of instance noise is at least 0 all the time")

    def build(self, data: DataSpec) -> Shown:
        return _Noisy(self.std)


class _Noisy(Shown):
    def __init__(self, std: Schedule):
        super().__init__()
        self.std = std

    def forward(self, x: Tensor, progress: float) -> Tensor:
        std = self.std(0, progress)
        return x + std * rng.randn(len(x), *x.shape[1:], device=x.device).to(x) if std else x
