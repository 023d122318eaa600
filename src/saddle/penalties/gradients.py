"""Penalties on the gradient of the discriminator with respect to its input."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from ..base import dist, rng
from ..base.errors import UsageError
from ..base.ranges import NonNegativeFloat
from ..context import Context, Score
from .base import Penalty


def input_gradient(score: Score, x: Tensor) -> Tensor:
    """∇ₓ score(x), one row per logit, itself differentiable.  [N, C·H·W]; [N/m, m·C·H·W] of packs of m samples"""
    x = x.detach().requires_grad_()
    return gradient_at(x, score(x))


def gradient_at(x: Tensor, logits: Tensor) -> Tensor:
    """The gradient [N, D] by x [N, …] of logits, [N] or [N, 1, h, w], that were already computed from x."""
    logits = logits.flatten(1).mean(1) if logits.ndim > 1 else logits  # of a patch map, as its loss: the mean
    (gradient,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    return gradient.reshape(len(logits), -1)  # a pack of samples that are judged as one is one input


CHOOSE = "use a network without it, where the game has a choice"


@dataclass(frozen=True)
class InputPenalty(Penalty):
    """A penalty on the gradient of the discriminator with respect to each sample."""

    def forbids(self, game: Any) -> str | None:
        for name, module in game.get_submodule("discriminator").named_modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                without = hasattr(getattr(getattr(game, "options", None), "network", None), "critic")
                choose = "--game.network.critic true leaves it out" if without else CHOOSE
                return (
                    f"{type(self).__name__} looks at each sample's own gradient, but the discriminator's batch norm "
                    f"('{name}') mixes the samples of a batch; {choose}"
                )
        return None


@dataclass(frozen=True)
class NormPenalty(InputPenalty):
    """(‖∇C(x̂)‖ - target)², at places x̂ that the kinds of it choose."""

    weight: float = 10.0  # λ, factor on the penalty
    target: NonNegativeFloat = 1.0  # what the norm of the gradient is pulled to
    one_sided: bool = False  # no penalty on norms below the target

    def unweighted(self, mover: str) -> str:
        two_sided = super().unweighted(mover)
        return two_sided.replace("(‖", "max(0, ‖", 1) if self.one_sided else two_sided

    def measure(self, context: Context) -> Tensor:
        excess = input_gradient(context.score, self.places(context)).norm(dim=1) - self.target
        return (relu(excess) if self.one_sided else excess).square().mean()

    @abstractmethod
    def places(self, context: Context) -> Tensor:
        """Where the gradient is taken, one place a sample.  [N, …]"""


@dataclass(frozen=True)
class GradientPenalty(NormPenalty):
    """(‖∇C(x̂)‖ - target)², x̂ uniform on lines from fake to real.  Gulrajani et al., 2017, Algorithm 1.

    One-sided, only norms above the target count: Petzka et al., 2018. https://arxiv.org/abs/1709.08894. With target 0
    it is the zero-centred penalty, ‖∇C(x̂)‖²: Thanh-Tung et al., 2019. https://arxiv.org/abs/1902.03984
    """

    def places(self, context: Context) -> Tensor:
        n = min(len(context.real), len(context.fake))  # of more fakes, or more real samples, those that have a partner
        fake, real = spread(context.fake.detach(), n), spread(context.real, n)
        return torch.lerp(fake, real, one_each(real, context.pack))  # ε


@dataclass(frozen=True)
class NearDataPenalty(NormPenalty):
    """(‖∇C(x̂)‖ - target)², x̂ uniform on lines from x to x + spread · std · u.  Kodali et al., 2017, Algorithm 1.

    https://arxiv.org/abs/1705.07215. Such a line begins at a sample x of the data and ends near it, with u uniform
    in [0, 1] for every number of x, as in the authors' code. std is that of the whole batch of data, over all
    processes, and a single number; of several micro-batches each has its own. Fakes play no part.
    """

    spread: NonNegativeFloat = 0.5  # how far from the data, in units of their standard deviation

    def places(self, context: Context) -> Tensor:
        real = context.real
        mean = dist.mean(real.mean())
        std = dist.mean((real - mean).square().mean()).sqrt()
        noise = rng.rand(len(real), *real.shape[1:], device=real.device).to(real)
        return real + one_each(real, context.pack) * self.spread * std * noise  # α


def spread(x: Tensor, n: int) -> Tensor:
    """n of the samples, evenly spaced in the batch; x itself if it has as many.  [n, …]  x [N, …]"""
    return x if n == len(x) else x[torch.arange(n, device=x.device) * len(x) // n]


def one_each(x: Tensor, pack: int = 1) -> Tensor:
    """Uniform numbers in [0, 1), [N, 1, …] for samples x [N, …], to broadcast; the same within a pack."""
    return rng.rand(len(x) // pack, *[1] * (x.ndim - 1), device=x.device).to(x).repeat_interleave(pack, 0)


@dataclass(frozen=True)
class ZeroCentred(InputPenalty):
    """‖∇C‖² / 2, on the samples of one side."""

    shared: bool = (
        False  # differentiate the logits of the adversarial loss, in the game's precision, instead of new ones
    )

    def shares(self) -> bool:
        return self.shared

    def forbids(self, game: Any) -> str | None:
        if self.shared and not game.shares_logits:
            return (
                f"{type(self).__name__}.shared differentiates the logits of the adversarial loss, and this game's "
                f"cannot be; leave game.penalties.{type(self).__name__}.shared false"
            )
        return super().forbids(game)

    def of(self, context: Context, x: Tensor, logits: Tensor | None) -> Tensor:
        """The mean [] over samples x [N, …], which got these logits, [N] or [N, 1, h, w]."""
        if not self.shared:
            gradient = input_gradient(context.score, x)
        elif logits is None or not x.requires_grad:
            raise UsageError(f"{self.name}.shared: this game does not judge its samples so that they can be shared")
        else:
            gradient = gradient_at(x, logits)
        return gradient.square().sum(1).mean() / 2


@dataclass(frozen=True)
class R1(ZeroCentred):
    """‖∇C(x)‖² / 2, on real samples.  Mescheder et al., 2018, Eq. 9. https://arxiv.org/abs/1801.04406"""

    def measure(self, context: Context) -> Tensor:
        return self.of(context, context.real, context.real_logits)


@dataclass(frozen=True)
class R2(ZeroCentred):
    """‖∇C(G(z))‖² / 2, on fakes.  Mescheder et al., 2018, Eq. 10. https://arxiv.org/abs/1801.04406"""

    def measure(self, context: Context) -> Tensor:
        return self.of(context, context.fake, context.fake_logits)
