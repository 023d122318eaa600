"""Adversarial losses: the losses of the discriminator and of the generator, from two sets of logits."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from torch import Tensor, nn
from torch.nn.functional import relu, softplus

from ..base import dist
from ..base.errors import UsageError
from ..base.formulas import stated, written
from ..base.ranges import PositiveFloat, PositiveShare, Share
from ..base.settings import Settings
from ..optim import Constant, Linear, Schedule


@dataclass(frozen=True)
class AdversarialLoss(Settings, ABC):
    relativistic: ClassVar[bool] = False  # does the generator's loss look at `real`?

    @abstractmethod
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """The scalar that the discriminator minimises; both logits may have any shape."""

    @abstractmethod
    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        """The generator's scalar loss; both logits may have any shape, `real` is for relativistic ones."""

    def at(self, progress: float) -> "AdversarialLoss":
        """The loss at this progress (0 to 1) of the run, for one that changes on the way."""
        return self

    def forbids(self, game: nn.Module) -> str | None:
        """Why this loss cannot go with this game's networks and settings, in one sentence; None if it can."""
        return None

    def output(self, logits: Tensor) -> Tensor:
        """D(x) as the paper means it, a probability or the logit itself: any shape → same shape."""
        return logits

    def formula(self, side: str) -> str:
        """What the "discriminator" or the "generator" minimises, with the settings' values; terms are means."""
        return stated(self, side)


@dataclass(frozen=True)
class NonSaturating(AdversarialLoss):
    """D: -α · log D(x) - (1 - α) · log(1 - D(x)) - β · log D(G(z)) - (1 - β) · log(1 - D(G(z))).  G: -log D(G(z)).

    Goodfellow et al., 2014, Section 3, with α = 1 and β = 0: -log D(x) - log(1 - D(G(z))). Smoothed labels ask for
    D(x) = α, `real_target`, and D(G(z)) = β, `fake_target`: then D* = (α p + β q) / (p + q).
    Salimans et al., 2016, Section 3.4 (https://arxiv.org/abs/1606.03498), want β = 0, one-sided smoothing: else q is in
    the numerator, D* = β > 0 where fakes lie and no data do, and such samples have no reason to move to the data.
    """

    real_target: PositiveShare = 1.0  # α, what D(x) is to be; 0.9 is one-sided label smoothing
    fake_target: Share = 0.0  # β, what D(G(z)) is to be; 0.1 is two-sided; the paper wants 0, or bad fakes look good

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fake_target >= self.real_target:
            raise UsageError(f"fake_target is below real_target, {self.real_target}, not {self.fake_target}")

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        of_real, of_fake = softplus(-real).mean(), softplus(fake).mean()
        if self.real_target < 1:
            of_real = self.real_target * of_real + softplus(real).mean() * (1 - self.real_target)
        if self.fake_target:
            of_fake = self.fake_target * softplus(-fake).mean() + (1 - self.fake_target) * of_fake
        return of_real + of_fake

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        return softplus(-fake).mean()

    def output(self, logits: Tensor) -> Tensor:
        return logits.sigmoid()


@dataclass(frozen=True)
class HalfNonSaturating(AdversarialLoss):
    """D: -log D(x) / 2 - log(1 - D(G(z))) / 2.  G: -log D(G(z)).  Isola et al., 2017, Section 3.3.

    https://arxiv.org/abs/1611.07004. D's loss alone is halved, so that it learns more slowly.
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return (softplus(-real).mean() + softplus(fake).mean()) / 2

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        return softplus(-fake).mean()

    def output(self, logits: Tensor) -> Tensor:
        return logits.sigmoid()


@dataclass(frozen=True)
class Minimax(AdversarialLoss):
    """D: -log D(x) - log(1 - D(G(z))).  G: log(1 - D(G(z))).  Goodfellow et al., 2014, Eq. 1. The latter saturates."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(-real).mean() + softplus(fake).mean()

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        return -softplus(fake).mean()

    def output(self, logits: Tensor) -> Tensor:
        return logits.sigmoid()


@dataclass(frozen=True)
class Wasserstein(AdversarialLoss):
    """D: C(G(z)) - C(x).  G: -C(G(z)).  Arjovsky et al., 2017, Algorithm 1."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return fake.mean() - real.mean()

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        return -fake.mean()


@dataclass(frozen=True)
class Hinge(AdversarialLoss):
    """D: max(0, 1 - C(x)) + max(0, 1 + C(G(z))).  G: -C(G(z)).  Lim & Ye, 2017."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return relu(1 - real).mean() + relu(1 + fake).mean()

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        return -fake.mean()


@dataclass(frozen=True)
class LeastSquares(AdversarialLoss):
    """D: (C(x) - b)² / 2 + (C(G(z)) - a)² / 2.  G: (C(G(z)) - c)² / 2.  Mao et al., 2017, Eq. 2.

    D* = (b p + a q) / (p + q). (a, b, c) = (-1, 1, 0) minimises Pearson's χ² of p + q from 2q.
    """

    a: float = 0.0  # what C(G(z)) is to be
    b: float = 1.0  # what C(x) is to be
    c: float = 1.0  # what the generator wants C(G(z)) to be

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return ((real - self.b).square().mean() + (fake - self.a).square().mean()) / 2

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        return (fake - self.c).square().mean() / 2


@dataclass(frozen=True)
class HalfLeastSquares(AdversarialLoss):
    """D: (C(x) - 1)² / 2 + C(G(z))² / 2.  G: (C(G(z)) - 1)².  Not halved, for other weights are set against it."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return ((real - 1).square().mean() + fake.square().mean()) / 2

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        return (fake - 1).square().mean()


@dataclass(frozen=True)
class EnergyMargin(AdversarialLoss):
    """D: E(x) + max(0, m - E(G(z))).  G: E(G(z)).  Zhao et al., 2017, Eqs. 1 and 2. https://arxiv.org/abs/1609.03126

    The logits are minus the energies, C = -E ≤ 0, so that more still means more real. In equilibrium the
    discriminator's loss is m (Theorem 1).
    """

    margin: PositiveFloat = 10.0  # m: fakes of a higher energy have no loss
    end: PositiveFloat | None = None  # what the margin shrinks to in a straight line, as fakes come nearer to the data

    def formula(self, side: str) -> str:
        end = (
            ""
            if self.end is None or side == "generator"
            else f", the margin {self.margin:g} at first and {self.end:g} at last"
        )
        return super().formula(side) + end

    def at(self, progress: float) -> AdversarialLoss:
        return self if self.end is None else replace(self, margin=self.margin + (self.end - self.margin) * progress)

    def forbids(self, game: Any) -> str | None:
        if getattr(getattr(game.options, "network", None), "gives_energies", False):
            return None
        return "EnergyMargin wants a discriminator that gives energies; use ConvAutoencoder or DenseAutoencoder"

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return relu(self.margin + fake).mean() - real.mean()

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        return -fake.mean()

    def output(self, logits: Tensor) -> Tensor:
        return -logits


PREFERENCES: dict[str, Callable[[Tensor], Tensor]] = {  # f₁: the price of t = how much more real one is than the other
    "standard": lambda t: softplus(-t),
    "least-squares": lambda t: (t - 1).square(),
    "hinge": lambda t: relu(1 - t),
}
PRICES = {"standard": "-log σ(t)", "least-squares": "(t - 1)²", "hinge": "max(0, 1 - t)"}  # the same in words
Preference = Literal["standard", "least-squares", "hinge"]


@dataclass(frozen=True)
class RelativisticPairing(AdversarialLoss):
    """D: f₁(C(x) - C(G(z))).  G: f₁(C(G(z)) - C(x)).  Jolicoeur-Martineau, 2018, Section 4.

    https://arxiv.org/abs/1807.00734. RSGAN with f₁(t) = -log σ(t). Each fake is compared with one sample of the data.
    """

    relativistic: ClassVar[bool] = True

    base: Preference = "standard"  # f₁: -log σ(t), (t - 1)² or max(0, 1 - t)

    def formula(self, side: str) -> str:
        return f"{super().formula(side)}, f₁(t) = {PRICES[self.base]}"

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return PREFERENCES[self.base](real - fake).mean()

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        assert real is not None
        return self.discriminator(fake, real)


@dataclass(frozen=True)
class RelativisticAverage(AdversarialLoss):
    """D: f₁(C(x) - E C(G(z))) + f₁(E C(x) - C(G(z))).  G: f₁(C(G(z)) - E C(x)) + f₁(E C(G(z)) - C(x)).

    RaSGAN, RaLSGAN and RaHingeGAN: Jolicoeur-Martineau, 2018, Section 4. https://arxiv.org/abs/1807.00734. The
    expectations are means of the whole batch, over all processes, and gradients flow through them; of several
    micro-batches each has its own.
    """

    relativistic: ClassVar[bool] = True

    base: Preference = "standard"  # f₁: -log σ(t), (t - 1)² or max(0, 1 - t)

    def formula(self, side: str) -> str:
        return f"{super().formula(side)}, f₁(t) = {PRICES[self.base]}"

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        price = PREFERENCES[self.base]
        return price(real - dist.joint_mean(fake.mean())).mean() + price(dist.joint_mean(real.mean()) - fake).mean()

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        assert real is not None
        return self.discriminator(fake, real)


@dataclass(frozen=True)
class HalfRelativisticAverage(RelativisticAverage):
    """D: f₁(C(x) - E C(G(z))) / 2 + f₁(E C(x) - C(G(z))) / 2.  G: f₁(C(G(z)) - E C(x)) / 2 + f₁(E C(G(z)) - C(x)) / 2.

    Half of RelativisticAverage, against which ESRGAN's other weights are set in the authors' code. Wang et al., 2018,
    Section 3.2. https://arxiv.org/abs/1809.00219
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return super().discriminator(real, fake) / 2


@dataclass(frozen=True)
class TopK(AdversarialLoss):
    """D: L_D of `loss`.  G: L_G of `loss` over the best fakes.  Sinha et al., 2020, Algorithm 1.

    https://arxiv.org/abs/2002.06224. The generator learns from the best fakes only. Of the whole batch, over all
    processes, those count whose logits are largest; their share shrinks as the discriminator gets to know better. Of
    several micro-batches each has its own best.
    """

    loss: AdversarialLoss = NonSaturating()  # of the fakes that count
    share: Schedule = Linear(start=1.0, end=0.5, finish=0.5)  # ν: of the fakes that count

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.loss.relativistic or isinstance(self.loss, TopK):
            raise UsageError(
                f"TopK leaves out fakes, and {type(self.loss).__name__} has a place for every one; choose a loss that "
                "judges each fake by itself, such as NonSaturating, Hinge or Wasserstein"
            )
        shares = [self.share(0, progress / 8) for progress in range(9)]
        if not all(0 < share <= 1 for share in shares):
            raise UsageError(f"the share of TopK stays in (0, 1], not {min(shares)} to {max(shares)}")

    def at(self, progress: float) -> "TopK":
        return replace(self, loss=self.loss.at(progress), share=Constant(self.share(0, progress)))

    def formula(self, side: str) -> str:
        best = (
            f", over the fakes of the largest logits, their share {written(self.share)}" if side == "generator" else ""
        )
        return self.loss.formula(side) + best

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return self.loss.discriminator(real, fake)

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        every = dist.joint_gather(fake)
        quality = every.detach().flatten(1).mean(1) if every.ndim > 1 else every.detach()
        best = quality.topk(max(1, round(self.share(0, 0.0) * len(every)))).indices
        return self.loss.generator(real, every[best])

    def forbids(self, game: nn.Module) -> str | None:
        return self.loss.forbids(game)

    def output(self, logits: Tensor) -> Tensor:
        return self.loss.output(logits)
