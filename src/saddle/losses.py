"""Adversarial losses: what the discriminator and the generator make of two sets of logits.

Each takes logits of any shape, `real` = C(x) and `fake` = C(G(z)), and returns a scalar to minimise. D(x) = σ(C(x))
where the paper has probabilities; everything is computed from logits, where nothing overflows.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn
from torch.nn.functional import relu, softplus


@dataclass(frozen=True)
class AdversarialLoss(ABC):
    relativistic: ClassVar[bool] = False  # does the generator's loss look at `real`?

    @abstractmethod
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """What the discriminator minimises."""

    @abstractmethod
    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        """What the generator minimises; `real` is only needed by relativistic losses."""

    def at(self, progress: float) -> "AdversarialLoss":
        """The loss at this progress (0 to 1) of the run, for one that changes on the way."""
        return self

    def forbids(self, game: nn.Module) -> str | None:
        """Why this loss cannot go with this game's networks and settings, in one sentence; None if it can."""
        return None

    def output(self, logits: Tensor) -> Tensor:
        """D(x) as the paper means it: a probability where it has one, else the logits themselves."""
        return logits


@dataclass(frozen=True)
class NonSaturating(AdversarialLoss):
    """D: -log D(x) - log(1 - D(G(z))).  G: -log D(G(z)).  Goodfellow et al., 2014, Section 3."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(-real).mean() + softplus(fake).mean()

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        return softplus(-fake).mean()

    def output(self, logits: Tensor) -> Tensor:
        return logits.sigmoid()


@dataclass(frozen=True)
class Minimax(AdversarialLoss):
    """D as above.  G: log(1 - D(G(z))), which saturates when D is sure.  Goodfellow et al., 2014, Eq. 1."""

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
    """D: (C(x) - b)² / 2 + (C(G(z)) - a)² / 2.  G: (C(G(z)) - c)² / 2.  Mao et al., 2017, Eq. 2."""

    a: float = 0.0
    b: float = 1.0
    c: float = 1.0

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
class RelativisticPairing(AdversarialLoss):
    """D: -log σ(C(x) - C(G(z))).  G: -log σ(C(G(z)) - C(x)), pair by pair.  Jolicoeur-Martineau, 2019, Section 4.1."""

    relativistic: ClassVar[bool] = True

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(fake - real).mean()

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        assert real is not None
        return softplus(real - fake).mean()
