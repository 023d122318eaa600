"""Optimizers and schedules as settings."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import Tensor, nn

from .base.errors import UsageError
from .base.ranges import (
    NonNegativeFloat,
    OpenShare,
    PositiveFloat,
    PositiveShare,
    Share,
    ShareBelowOne,
)
from .base.settings import Like, Settings


@dataclass(frozen=True)
class Schedule(Settings, ABC):
    """A number that may change while training."""

    @abstractmethod
    def __call__(self, rounds: int, progress: float) -> float:
        """The value after `rounds` rounds, at `progress` (0 to 1) of the run."""


def below_one(schedule: Schedule) -> bool:
    """Does it stay in [0, 1)?"""
    return all(0 <= schedule(rounds, progress) < 1 for rounds in (0, 2**31) for progress in (0.0, 0.5, 1.0))


@dataclass(frozen=True)
class Constant(Schedule):
    """The same all the time."""

    value: NonNegativeFloat = 1.0  # the number

    def __call__(self, rounds: int, progress: float) -> float:
        return self.value


@dataclass(frozen=True)
class Ramp(Schedule):
    """`start` until progress `begin`, then on some way to `end` at progress `finish`."""

    start: NonNegativeFloat = 1.0  # the number before
    end: NonNegativeFloat = 0.0  # the number after
    begin: Share = 0.0  # progress of the run at which it starts to change
    finish: Share = 1.0  # progress at which it has changed

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.begin >= self.finish:
            kind = type(self).__name__.lower()
            raise UsageError(f"a {kind} schedule wants begin < finish, not {self.begin} and {self.finish}")

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

    start: NonNegativeFloat = 1.0  # the number at first
    end: NonNegativeFloat = 0.0  # the number at last
    finish: PositiveShare = 1.0  # progress of the run at which it is reached

    def __call__(self, rounds: int, progress: float) -> float:
        share = min(max(progress / self.finish, 0.0), 1.0)
        return self.end + (self.start - self.end) * (1 + math.cos(math.pi * share)) / 2


@dataclass(frozen=True)
class Logistic(Schedule):
    """2 / (1 + exp(-steepness · progress)) - 1: from 0 to nearly 1. Ganin et al., 2016, Section 5.2.2.

    https://arxiv.org/abs/1505.07818
    """

    steepness: NonNegativeFloat = 10.0  # γ

    def __call__(self, rounds: int, progress: float) -> float:
        return 2 / (1 + math.exp(-self.steepness * progress)) - 1


@dataclass(frozen=True)
class Exponential(Schedule):
    """start · factor^rounds, never below `floor`."""

    start: NonNegativeFloat = 1.0  # the number at first
    factor: NonNegativeFloat = 1.0  # what every round multiplies it by
    floor: NonNegativeFloat = 0.0  # what it never goes below

    def __call__(self, rounds: int, progress: float) -> float:
        try:
            return max(self.start * self.factor**rounds, self.floor)
        except OverflowError:  # of a factor above 1: the losses will not be finite, and the trainer says so
            return math.inf


@dataclass(frozen=True)
class Gradual(Schedule):
    """start + step · rounds, never above `most`."""

    start: NonNegativeFloat = 0.0  # the number at first
    step: NonNegativeFloat = 0.0  # what every round adds to it
    most: NonNegativeFloat = 1.0  # what it never goes above

    def __call__(self, rounds: int, progress: float) -> float:
        return min(self.start + self.step * rounds, self.most)


@dataclass(frozen=True)
class Geometric(Ramp):
    """`start` until progress `begin`, then by equal factors to `end` at progress `finish`."""

    start: PositiveFloat = 1.0  # the number before
    end: PositiveFloat = 0.01  # the number after

    def __call__(self, rounds: int, progress: float) -> float:
        return self.start * (self.end / self.start) ** self.passed(progress)


@dataclass(frozen=True)
class Restarted(Schedule):
    """The same schedule twice, in two trainings of one run: whole until progress `at`, and whole again after it."""

    schedule: Schedule = Constant()  # of each of both
    at: OpenShare = 0.5  # progress of the run at which it begins again

    def __call__(self, rounds: int, progress: float) -> float:
        first = progress < self.at
        return self.schedule(rounds, progress / self.at if first else (progress - self.at) / (1 - self.at))


@dataclass(frozen=True)
class Steps(Schedule):
    """1 at first, and by `factor` less from each of these shares of the run on."""

    at: tuple[OpenShare, ...] = (0.5,)  # progress of the run at which it becomes less, in order
    factor: NonNegativeFloat = 0.1  # what each step multiplies it by

    def __post_init__(self) -> None:
        super().__post_init__()
        if list(self.at) != sorted({*self.at}):
            raise UsageError(f"steps are at different shares of the run, in order, not {self.at}")

    def __call__(self, rounds: int, progress: float) -> float:
        return self.factor ** sum(progress >= here for here in self.at)


@dataclass(frozen=True)
class Within(Schedule):
    """A schedule over a part of the run: its beginning before that part, and its end after it."""

    schedule: Schedule = Constant()  # over the part
    begin: Share = 0.0  # progress of the run at which the part begins
    finish: Share = 1.0  # progress at which it is over

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.begin >= self.finish:
            raise UsageError(f"a part of a run wants begin < finish, not {self.begin} and {self.finish}")

    def __call__(self, rounds: int, progress: float) -> float:
        share = (progress - self.begin) / (self.finish - self.begin)
        return self.schedule(rounds, min(max(share, 0.0), 1.0))


@dataclass(frozen=True)
class Optim(Settings, ABC):
    """An optimizer: `lr` times `schedule` is the learning rate."""

    lr: PositiveFloat = 2e-4  # learning rate
    schedule: Schedule = Constant()  # a factor on the learning rate

    @abstractmethod
    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """The optimizer of these parameters, in its fastest form.

        On a GPU it can be recorded in a CUDA graph: its learning rate is a tensor [] there, which `give` writes into.
        """

    def at(self, rounds: int, progress: float) -> dict[str, Any]:
        """What the optimizer's settings are then."""
        return {"lr": self.lr * self.schedule(rounds, progress)}


def recordable(device: torch.device) -> bool:
    """Does this device play back recorded steps, so that all that changes from one to the next must be a tensor?"""
    return device.type == "cuda"


def give(optimizer: torch.optim.Optimizer, now: dict[str, Any]) -> None:
    """Change an optimizer's settings to those of `Optim.at`; where one is a tensor, write into it."""
    for group in optimizer.param_groups:
        for name, value in now.items():
            if isinstance(group[name], Tensor):
                group[name].fill_(value)
            else:
                group[name] = value


def _rate(lr: float, parameters: list[nn.Parameter]) -> tuple[Any, bool]:
    """The learning rate of these parameters, as torch's optimizers take it, and whether they can be recorded."""
    device = parameters[0].device if parameters else torch.device("cpu")  # torch refuses an empty list in its own words
    if not recordable(device):
        return lr, False
    return torch.tensor(lr, dtype=torch.float32, device=device), True


OwnOptim = Annotated[Optim | None, Like("optim")]  # of one player or phase; none: `optim`, as far as it is not changed


@dataclass(frozen=True)
class Adam(Optim):
    """Kingma & Ba, 2015. https://arxiv.org/abs/1412.6980"""

    betas: tuple[ShareBelowOne, ShareBelowOne] = (0.5, 0.999)  # β₁, β₂: how long the two moments remember
    eps: NonNegativeFloat = 1e-8  # added to the root of the second moment
    beta_2: Schedule | None = None  # β₂ over the run, where it changes
    weight_decay: NonNegativeFloat = 0.0  # factor on half the squared weights, a loss beside the others

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.beta_2 and not below_one(self.beta_2):
            raise UsageError(f"Adam's β₂ lies in [0, 1) all the time, not {self.beta_2}")

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        betas = (float(self.betas[0]), float(self.betas[1]))  # torch refuses (0, 0.9): "both floats or both Tensors"
        of = list(parameters)
        lr, capturable = _rate(self.lr, of)
        return torch.optim.Adam(of, lr, betas, self.eps, self.weight_decay, fused=True, capturable=capturable)

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

    clip: PositiveFloat = 5.0  # the longest gradient

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
        of = list(parameters)
        lr, capturable = _rate(self.lr, of)
        return torch.optim.RMSprop(of, lr, foreach=True, capturable=capturable)


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
        of = list(parameters)
        return torch.optim.SGD(of, _rate(self.lr, of)[0], momentum=self.momentum(0, 0.0), fused=True)

    def at(self, rounds: int, progress: float) -> dict[str, Any]:
        return super().at(rounds, progress) | {"momentum": self.momentum(rounds, progress)}
