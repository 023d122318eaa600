"""Adversarial losses: the losses of the discriminator and of the generator, from two sets of logits.

Each takes logits of any shape, `real` = C(x) and `fake` = C(G(z)), and returns a scalar to minimise. D(x) = σ(C(x))
where the paper has probabilities; everything is computed from logits, where nothing overflows.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from torch import Tensor, nn
from torch.nn.functional import logsigmoid, relu, softplus

from .base import dist
from .base.errors import UsageError
from .optim import Constant, Linear, Schedule


@dataclass(frozen=True)
class AdversarialLoss(ABC):
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


@dataclass(frozen=True)
class NonSaturating(AdversarialLoss):
    """D: -log D(x) - log(1 - D(G(z))).  G: -log D(G(z)).  Goodfellow et al., 2014, Section 3.

    Smoothed labels ask for D(x) = α, `real_target`, and D(G(z)) = β, `fake_target`: then D* = (α p + β q) / (p + q).
    Salimans et al., 2016, Section 3.4 (https://arxiv.org/abs/1606.03498), want β = 0, one-sided smoothing: else q is in
    the numerator, D* = β > 0 where fakes lie and no data do, and such samples have no reason to move to the data.
    """

    real_target: float = 1.0  # α, what D(x) is to be; 0.9 is one-sided label smoothing
    fake_target: float = 0.0  # β, what D(G(z)) is to be; 0.1 is two-sided; the paper wants 0, or bad fakes look good

    def __post_init__(self) -> None:
        if not 0 < self.real_target <= 1:
            raise UsageError(f"real_target is a probability greater than 0, not {self.real_target}")
        if not 0 <= self.fake_target < self.real_target:
            raise UsageError(
                f"fake_target is a probability from 0 to below real_target, {self.real_target}, not {self.fake_target}"
            )

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
    """D: -log D(x) / 2 - log(1 - D(G(z))) / 2, so that D learns more slowly.  G: -log D(G(z)), not halved.

    Isola et al., 2017, Section 3.3. https://arxiv.org/abs/1611.07004
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return (softplus(-real).mean() + softplus(fake).mean()) / 2

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        return softplus(-fake).mean()

    def output(self, logits: Tensor) -> Tensor:
        return logits.sigmoid()


@dataclass(frozen=True)
class Minimax(AdversarialLoss):
    """D: -log D(x) - log(1 - D(G(z))).  G: log(1 - D(G(z))), which saturates.  Goodfellow et al., 2014, Eq. 1."""

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
    """D: (C(x) - 1)² / 2 + C(G(z))² / 2.  G: (C(G(z)) - 1)², not halved, against which the other weights are set."""

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

    margin: float = 10.0  # m: fakes of a higher energy have no loss
    end: float | None = None  # what the margin shrinks to in a straight line, as fakes come nearer to the data

    def __post_init__(self) -> None:
        if not self.margin > 0 or (self.end is not None and not self.end > 0):
            raise UsageError(f"margin and end are greater than 0, not {self.margin} and {self.end}")

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
Preference = Literal["standard", "least-squares", "hinge"]


@dataclass(frozen=True)
class RelativisticPairing(AdversarialLoss):
    """D: f₁(C(x) - C(G(z))).  G: f₁(C(G(z)) - C(x)).  Jolicoeur-Martineau, 2018, Section 4.

    https://arxiv.org/abs/1807.00734. RSGAN with f₁(t) = -log σ(t). Each fake is compared with one sample of the data.
    """

    relativistic: ClassVar[bool] = True

    base: Preference = "standard"  # f₁: -log σ(t), (t - 1)² or max(0, 1 - t)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return PREFERENCES[self.base](real - fake).mean()

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        assert real is not None
        return self.discriminator(fake, real)


@dataclass(frozen=True)
class RelativisticAverage(AdversarialLoss):
    """D: f₁(C(x) - E C(G(z))) + f₁(E C(x) - C(G(z))).  G: the same with the roles swapped.

    RaSGAN, RaLSGAN and RaHingeGAN: Jolicoeur-Martineau, 2018, Section 4. https://arxiv.org/abs/1807.00734. The
    expectations are means of the whole batch, over all processes, and gradients flow through them; of several
    micro-batches each has its own.
    """

    relativistic: ClassVar[bool] = True

    base: Preference = "standard"  # f₁: -log σ(t), (t - 1)² or max(0, 1 - t)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        price = PREFERENCES[self.base]
        return price(real - dist.joint_mean(fake.mean())).mean() + price(dist.joint_mean(real.mean()) - fake).mean()

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        assert real is not None
        return self.discriminator(fake, real)


@dataclass(frozen=True)
class HalfRelativisticAverage(RelativisticAverage):
    """Half of RelativisticAverage for both players, against which ESRGAN's other weights are set in the authors' code.

    Wang et al., 2018, Section 3.2. https://arxiv.org/abs/1809.00219
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return super().discriminator(real, fake) / 2


@dataclass(frozen=True)
class TopK(AdversarialLoss):
    """The generator learns from the best fakes only.  Sinha et al., 2020, Algorithm 1. https://arxiv.org/abs/2002.06224

    Of the whole batch, over all processes, those count whose logits are largest; their share shrinks as the
    discriminator gets to know better. Of several micro-batches each has its own best.
    """

    loss: AdversarialLoss = NonSaturating()  # of the fakes that count
    share: Schedule = Linear(start=1.0, end=0.5, finish=0.5)  # ν: of the fakes that count

    def __post_init__(self) -> None:
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


STEEPEST = 10.0  # exponent up to which e^t is itself; an f-GAN's gradient grows no further than e^10


def exp(t: Tensor) -> Tensor:
    """e^t; beyond t = 10 its tangent, so that nothing overflows and e^10 is exact: any shape → same shape."""
    return t.clamp(max=STEEPEST).exp() * (1 + relu(t - STEEPEST))


@dataclass(frozen=True)
class FDivergence(AdversarialLoss):
    """D: f*(g(C(G(z)))) - g(C(x)), minus the bound on the f-divergence.  Nowozin et al., 2016, Eq. 6, Tables 1 and 2.

    https://arxiv.org/abs/1606.00709. g maps any number into the domain of the conjugate f*. The generator maximises
    g(C(G(z))) (Section 3.2), or else minimises the bound itself, -f*(g(C(G(z)))).
    """

    trick: bool = True  # the generator maximises g(C(G(z))) instead of minimising the bound

    @abstractmethod
    def activation(self, v: Tensor) -> Tensor:
        """g_f(v): the critic T as the paper means it.  Any shape → same shape"""

    @abstractmethod
    def conjugate(self, v: Tensor) -> Tensor:
        """f*(g_f(v)), composed.  Any shape → same shape"""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return self.conjugate(fake).mean() - self.activation(real).mean()

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        return -(self.activation(fake) if self.trick else self.conjugate(fake)).mean()

    def output(self, logits: Tensor) -> Tensor:
        return self.activation(logits)


@dataclass(frozen=True)
class KL(FDivergence):
    """Kullback and Leibler's: f(u) = u log u, g(v) = v, f*(t) = e^(t - 1). T* = 1 + log p/q."""

    def activation(self, v: Tensor) -> Tensor:
        return v

    def conjugate(self, v: Tensor) -> Tensor:
        return exp(v - 1)


@dataclass(frozen=True)
class ReverseKL(FDivergence):
    """The other way round: f(u) = -log u, g(v) = -e^-v, f*(t) = -1 - log -t. T* = -q/p."""

    def activation(self, v: Tensor) -> Tensor:
        return -exp(-v)

    def conjugate(self, v: Tensor) -> Tensor:
        return v - 1


@dataclass(frozen=True)
class PearsonChi2(FDivergence):
    """Pearson's χ²: f(u) = (u - 1)², g(v) = v, f*(t) = t² / 4 + t. T* = 2(p/q - 1)."""

    def activation(self, v: Tensor) -> Tensor:
        return v

    def conjugate(self, v: Tensor) -> Tensor:
        return v.square() / 4 + v


@dataclass(frozen=True)
class SquaredHellinger(FDivergence):
    """Hellinger's squared: f(u) = (√u - 1)², g(v) = 1 - e^-v, f*(t) = t / (1 - t). T* = 1 - √(q/p)."""

    def activation(self, v: Tensor) -> Tensor:
        return 1 - exp(-v)

    def conjugate(self, v: Tensor) -> Tensor:
        return exp(v) - 1


@dataclass(frozen=True)
class JensenShannon(FDivergence):
    """Twice Jensen and Shannon's: g(v) = log 2 - log(1 + e^-v), f*(t) = -log(2 - e^t). T* = log 2p / (p + q)."""

    def activation(self, v: Tensor) -> Tensor:
        return math.log(2) + logsigmoid(v)

    def conjugate(self, v: Tensor) -> Tensor:
        return softplus(v) - math.log(2)


@dataclass(frozen=True)
class GANDivergence(FDivergence):
    """The first GAN's, 2 JSD - log 4: g(v) = -log(1 + e^-v), f*(t) = -log(1 - e^t). T* = log p / (p + q)."""

    def activation(self, v: Tensor) -> Tensor:
        return logsigmoid(v)

    def conjugate(self, v: Tensor) -> Tensor:
        return softplus(v)
