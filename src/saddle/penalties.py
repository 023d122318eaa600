"""Penalties: what a player pays beside its adversarial loss, most of them for the gradient of its logits.

A penalty sees a `Scene`, one move with what was judged in it. A game of another shape builds its own scene:
`penalty(rounds, Scene(lambda x: self.discriminator(x).logits, real, fake))`.
"""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from . import rng
from .errors import UsageError
from .optim import Constant, Schedule
from .precision import full, second_order
from .scene import Scene, Score


def input_gradient(score: Score, x: Tensor) -> Tensor:
    """∇ₓ score(x), one row per sample, itself differentiable.  [N, C·H·W]"""
    x = x.detach().requires_grad_()
    logits = score(x)
    logits = logits.flatten(1).mean(1) if logits.ndim > 1 else logits  # of a patch map, as its loss: the mean
    (gradient,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    return gradient.flatten(1)


@dataclass(frozen=True)
class Penalty(ABC):
    """A weighted scalar in every `every`-th round, weighted up to make good for the others, else None."""

    players: ClassVar[tuple[str, ...]] = ("discriminator",)  # who pays it

    weight: float = 1.0  # factor on the penalty
    every: int = 1  # rounds from one penalty to the next; lazy ones count for the rounds between
    schedule: Schedule = Constant()  # a factor on the weight
    autocast: bool = False  # compute it in bf16 where the game plays in bf16, instead of in fp32

    def __post_init__(self) -> None:
        if self.every < 1 or self.weight < 0:
            raise UsageError(f"a penalty wants weight ≥ 0 and every ≥ 1, not {self.weight} and {self.every}")

    @property
    def name(self) -> str:
        """What the log calls it: the class's name in snake case."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(self).__name__).lower()

    def __call__(self, rounds: int, scene: Scene) -> Tensor | None:
        if rounds % self.every:
            return None
        weight = self.weight * self.every * self.schedule(rounds, scene.progress)
        with second_order(scene.real, self.autocast):
            return weight * self.measure(replace(scene, real=full(scene.real), fake=full(scene.fake)))

    @abstractmethod
    def measure(self, scene: Scene) -> Tensor:
        """The penalty before its weight."""

    def remember(self, game: nn.Module) -> nn.Module | None:
        """The buffers that the penalty keeps from round to round, if it does; `Scene.memory` brings them back."""
        return None

    def forbids(self, game: nn.Module) -> str | None:
        """Why this penalty cannot go with this game's networks and settings, in one sentence; None if it can."""
        return None


@dataclass(frozen=True)
class InputPenalty(Penalty):
    """A penalty on the gradient of the discriminator with respect to each sample."""

    def forbids(self, game: nn.Module) -> str | None:
        for name, module in game.get_submodule("discriminator").named_modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                return (
                    f"{type(self).__name__} looks at each sample's own gradient, but the discriminator's batch norm "
                    f"('{name}') mixes the samples of a batch; use a network without it"
                )
        return None


@dataclass(frozen=True)
class GradientPenalty(InputPenalty):
    """(‖∇C(x̂)‖ - target)², x̂ uniform on lines from fake to real.  Gulrajani et al., 2017, Algorithm 1.

    One-sided, only norms above the target count: Petzka et al., 2018. https://arxiv.org/abs/1709.08894
    """

    weight: float = 10.0  # λ, factor on the penalty
    target: float = 1.0  # what the norm of the gradient is pulled to
    one_sided: bool = False  # let norms below the target pass

    def measure(self, scene: Scene) -> Tensor:
        real, fake = scene.real, scene.fake.detach()
        t = rng.rand(len(real), *[1] * (real.ndim - 1), device=real.device).to(real)  # ε, one a sample
        norm = input_gradient(scene.score, torch.lerp(fake, real, t)).norm(dim=1)
        excess = norm - self.target
        return (relu(excess) if self.one_sided else excess).square().mean()


@dataclass(frozen=True)
class R1(InputPenalty):
    """‖∇C(x)‖² / 2 on real samples.  Mescheder et al., 2018, Eq. 9."""

    def measure(self, scene: Scene) -> Tensor:
        return input_gradient(scene.score, scene.real).square().sum(1).mean() / 2


@dataclass(frozen=True)
class R2(InputPenalty):
    """‖∇C(G(z))‖² / 2 on fakes.  Mescheder et al., 2018, Eq. 10."""

    def measure(self, scene: Scene) -> Tensor:
        return input_gradient(scene.score, scene.fake).square().sum(1).mean() / 2
