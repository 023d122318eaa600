"""Optimizers and schedules as settings."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import nn

from .base.errors import UsageError
from .base.settings import Like


@dataclass(frozen=True)
class Schedule(ABC):
    """A number that may change while training."""

    @abstractmethod
    def __call__(self, rounds: int, progress: float) -> float:
        """The value after `rounds` rounds, at `progress` (0 to 1) of the run."""


def not_negative(settings: Any, *names: str) -> None:
    """UsageError if one of these settings is below 0."""
    for name in names:
        if getattr(settings, name) < 0:
            raise UsageError(f"{type(settings).__name__}: {name} is at least 0, not {getattr(settings, name)}")


def below_one(schedule: Schedule) -> bool:
    """Does it stay in [0, 1)?"""
    return all(0 <= schedule(rounds, progress) < 1 for rounds in (0, 2**31) for progress in (0.0, 0.5, 1.0))


@dataclass(frozen=True)
class Constant(Schedule):
    """The same all the time."""

    value: float = 1.0  # the number

    def __post_init__(self) -> None:
        not_negative(self, "value")

    def __call__(self, rounds: int, progress: float) -> float:
        return self.value


@dataclass(frozen=True)
class Ramp(Schedule):
    """`start` until progress `begin`, then on some way to `end` at progress `finish`."""

    start: float = 1.0  # the number before
    end: float = 0.0  # the number after
    begin: float = 0.0  # progress of the run, 0 to 1, at which it starts to change
    finish: float = 1.0  # progress at which it has changed

    def __post_init__(self) -> None:
        not_negative(self, "start", "end")
        if not 0 <= self.begin < self.finish <= 1:
            kind = type(self).__name__.lower()
            raise UsageError(f"a {kind} schedule wants 0 ≤ begin < finish ≤ 1, not {self.begin} and {self.finish}")

    def passed(self, progress: float) -> float:
        """The share of the way, 0 to 1."""
        return min(max((progress - self.begin) / (self.finish - self.begin), 0.0), 1.0)


@dataclass(frozen=True)
class Linear(Ramp):
    """`start` until progress `begin`, then in a straight line to `end` at progress `finish`."""

    def __call__(self, rounds: int, progress: float) -> float:
        return self.start + (self.end - self.start) * self.passed(progress)


@dataclass(frozen=True)
class Cosine(Schedule):
    """From `start` to `end` on half a wave of the cosine, there at progress `finish`. Loshchilov & Hutter, 2017."""

    start: float = 1.0  # the number at first
    end: float = 0.0  # the number at last
    finish: float = 1.0  # progress of the run, 0 to 1, at which it is reached

    def __post_init__(self) -> None:
        not_negative(self, "start", "end")
        if not 0 < self.finish <= 1:
            raise UsageError(f"a cosine schedule wants 0 < finish ≤ 1, not {self.finish}")

    def __call__(self, rounds: int, progress: float) -> float:
        share = min(max(progress / self.finish, 0.0), 1.0)
        return self.end + (self.start - self.end) * (1 + math.cos(math.pi * share)) / 2


@dataclass(frozen=True)
class Logistic(Schedule):
    """2 / (1 + exp(-steepness · progress)) - 1: from 0 to nearly 1. Ganin et al., 2016, Section 5.2.2.

    https://arxiv.org/abs/1505.07818
    """

    steepness: float = 10.0  # γ

    def __post_init__(self) -> None:
        not_negative(self, "steepness")

    def __call__(self, rounds: int, progress: float) -> float:
        return 2 / (1 + math.exp(-self.steepness * progress)) - 1


@dataclass(frozen=True)
class Exponential(Schedule):
    """start · factor^rounds, never below `floor`."""

    start: float = 1.0  # the number at first
    factor: float = 1.0  # what every round multiplies it by
    floor: float = 0.0  # what it never goes below

    def __post_init__(self) -> None:
        not_negative(self, "start", "factor", "floor")

    def __call__(self, rounds: int, progress: float) -> float:
        try:
            return max(self.start * self.factor**rounds, self.floor)
        except OverflowError:  # of a factor above 1: the losses will not be finite, and the trainer says so
            return math.inf


@dataclass(frozen=True)
class Gradual(Schedule):
    """start + step · rounds, never above `most`."""

    start: float = 0.0  # the number at first
    step: float = 0.0  # what every round adds to it
    most: float = 1.0  # what it never goes above

    def __post_init__(self) -> None:
        not_negative(self, "start", "step", "most")

    def __call__(self, rounds: int, progress: float) -> float:
        return min(self.start + self.step * rounds, self.most)


@dataclass(frozen=True)
class Geometric(Ramp):
    """`start` until progress `begin`, then by equal factors to `end` at progress `finish`."""

    end: float = 0.01  # the number after

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.start, self.end) <= 0:
            raise UsageError(f"a geometric schedule wants start and end above 0, not {self.start} and {self.end}")

    def __call__(self, rounds: int, progress: float) -> float:
        return self.start * (self.end / self.start) ** self.passed(progress)


@dataclass(frozen=True)
class Restarted(Schedule):
    """The same schedule twice, in two trainings of one run: whole until progress `at`, and whole again after it."""

    schedule: Schedule = Constant()  # of each of both
    at: float = 0.5  # progress of the run, 0 to 1, at which it begins again

    def __post_init__(self) -> None:
        if not 0 < self.at < 1:
            raise UsageError(f"a schedule starts again at a progress above 0 and below 1, not {self.at}")

    def __call__(self, rounds: int, progress: float) -> float:
        first = progress < self.at
        return self.schedule(rounds, progress / self.at if first else (progress - self.at) / (1 - self.at))


@dataclass(frozen=True)
class Steps(Schedule):
    """1 at first, and by `factor` less from each of these shares of the run on."""

    at: tuple[float, ...] = (0.5,)  # progress of the run, 0 to 1, at which it becomes less, in order
    factor: float = 0.1  # what each step multiplies it by

    def __post_init__(self) -> None:
        not_negative(self, "factor")
        if not all(0 < here < 1 for here in self.at) or list(self.at) != sorted({*self.at}):
            raise UsageError(f"steps are at different shares above 0 and below 1, in order, not {self.at}")

    def __call__(self, rounds: int, progress: float) -> float:
        return self.factor ** sum(progress >= here for here in self.at)


@dataclass(frozen=True)
class Within(Schedule):
    """A schedule over a part of the run: its beginning before that part, and its end after it."""

    schedule: Schedule = Constant()  # over the part
    begin: float = 0.0  # progress of the run, 0 to 1, at which the part begins
    finish: float = 1.0  # progress at which it is over

    def __post_init__(self) -> None:
        if not 0 <= self.begin < self.finish <= 1:
            raise UsageError(f"a part of a run wants 0 ≤ begin < finish ≤ 1, not {self.begin} and {self.finish}")

    def __call__(self, rounds: int, progress: float) -> float:
        share = (progress - self.begin) / (self.finish - self.begin)
        return self.schedule(rounds, min(max(share, 0.0), 1.0))


@dataclass(frozen=True)
class Optim(ABC):
    """An optimizer: `lr` times `schedule` is the learning rate."""

    lr: float = 2e-4  # learning rate
    schedule: Schedule = Constant()  # a factor on the learning rate

    def __post_init__(self) -> None:
        if not 0 < self.lr <= 1e30:  # which the numbers of a network can hold
            raise UsageError(f"a learning rate must be greater than 0, not {self.lr}")

    @abstractmethod
    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """The optimizer of these parameters, in its fastest form."""

    def at(self, rounds: int, progress: float) -> dict[str, Any]:
        """What the optimizer's settings are then."""
        return {"lr": self.lr * self.schedule(rounds, progress)}


OwnOptim = Annotated[Optim | None, Like("optim")]  # of one player or phase; none: `optim`, as far as it is not changed


@dataclass(frozen=True)
class Adam(Optim):
    """Kingma & Ba, 2015. https://arxiv.org/abs/1412.6980"""

    betas: tuple[float, float] = (0.5, 0.999)  # β₁, β₂: how long the two moments remember
    eps: float = 1e-8  # added to the root of the second moment
    beta_2: Schedule | None = None  # β₂ over the run, where it changes
    weight_decay: float = 0.0  # factor on half the squared weights, a loss beside the others

    def __post_init__(self) -> None:
        super().__post_init__()
        if not all(0 <= beta < 1 for beta in self.betas):
            raise UsageError(f"Adam's betas lie in [0, 1), not {self.betas}")
        not_negative(self, "eps", "weight_decay")
        if self.beta_2 and not below_one(self.beta_2):
            raise UsageError(f"Adam's β₂ lies in [0, 1) all the time, not {self.beta_2}")

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        betas = (float(self.betas[0]), float(self.betas[1]))  # torch refuses (0, 0.9): "both floats or both Tensors"
        return torch.optim.Adam(parameters, self.lr, betas, self.eps, self.weight_decay, fused=True)

    def at(self, rounds: int, progress: float) -> dict[str, Any]:
        now = super().at(rounds, progress)
        if self.beta_2:
            now["betas"] = (float(self.betas[0]), self.beta_2(rounds, progress))
        return now


@dataclass(frozen=True)
class ClippedAdam(Adam):
    """Adam, for which a player's gradient is shortened to `clip` where it is longer. Pascanu et al., 2013.

    https://arxiv.org/abs/1211.5063. The length is that over all parameters together.
    """

    clip: float = 5.0  # the longest gradient

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.clip > 0:
            raise UsageError(f"clip must be greater than 0, not {self.clip}")

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        optimizer = super().build(parameters)
        optimizer.register_step_pre_hook(self._shorten)
        return optimizer

    def _shorten(self, optimizer: torch.optim.Optimizer, *step: Any) -> None:
        nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], self.clip)


@dataclass(frozen=True)
class RMSprop(Optim):
    """Tieleman & Hinton, 2012, with torch's smoothing constant of 0.99."""

    lr: float = 5e-5  # learning rate

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.RMSprop(parameters, self.lr, foreach=True)


@dataclass(frozen=True)
class SGD(Optim):
    """Stochastic gradient descent with momentum."""

    lr: float = 0.1  # learning rate
    momentum: Schedule = Constant(0.0)  # how much of the last step each step keeps

    def __post_init__(self) -> None:
        super().__post_init__()
        if not below_one(self.momentum):
            raise UsageError(f"SGD's momentum lies in [0, 1) all the time, not {self.momentum}")

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.SGD(parameters, self.lr, momentum=self.momentum(0, 0.0), fused=True)

    def at(self, rounds: int, progress: float) -> dict[str, Any]:
        return super().at(rounds, progress) | {"momentum": self.momentum(rounds, progress)}
