"""The losses of f-GAN: the discriminator raises a lower bound on an f-divergence, and the generator lowers it.

Nowozin et al., 2016. https://arxiv.org/abs/1606.00709
"""

import math
from abc import abstractmethod
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import logsigmoid, relu, softplus

from ..base.formulas import stated
from .adversarial import AdversarialLoss

STEEPEST = 10.0  # exponent up to which e^t is itself; an f-GAN's gradient grows no further than e^10


def exp(t: Tensor) -> Tensor:
    """e^t; beyond t = 10 its tangent, so that nothing overflows and e^10 is exact: any shape → same shape."""
    return t.clamp(max=STEEPEST).exp() * (1 + relu(t - STEEPEST))


@dataclass(frozen=True)
class FDivergence(AdversarialLoss):
    """D: f*(g(C(G(z)))) - g(C(x)).  G: -g(C(G(z))), or -f*(g(C(G(z)))).  Nowozin et al., 2016, Eq. 6, Tables 1 and 2.

    https://arxiv.org/abs/1606.00709. D's is minus the bound on the f-divergence. g maps any number into the
    domain of the conjugate f*. The generator maximises g(C(G(z))) (Section 3.2), or else minimises the bound itself,
    -f*(g(C(G(z)))).
    """

    trick: bool = True  # the generator maximises g(C(G(z))) instead of minimising the bound

    def formula(self, side: str) -> str:
        conjugate, meaning = "f*(g(C(G(z))))", stated(self)
        if side == "generator" and self.trick:
            return f"-g(C(G(z))), {meaning.partition(', f*')[0]}"
        return f"{f'{conjugate} - g(C(x))' if side == 'discriminator' else f'-{conjugate}'}, {meaning}"

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
    """g(v) = v, f*(t) = e^(t - 1).  Kullback and Leibler's divergence, f(u) = u log u: T* = 1 + log p/q."""

    def activation(self, v: Tensor) -> Tensor:
        return v

    def conjugate(self, v: Tensor) -> Tensor:
        return exp(v - 1)


@dataclass(frozen=True)
class ReverseKL(FDivergence):
    """g(v) = -e^-v, f*(t) = -1 - log -t.  Kullback and Leibler's the other way round, f(u) = -log u: T* = -q/p."""

    def activation(self, v: Tensor) -> Tensor:
        return -exp(-v)

    def conjugate(self, v: Tensor) -> Tensor:
        return v - 1


@dataclass(frozen=True)
class PearsonChi2(FDivergence):
    """g(v) = v, f*(t) = t² / 4 + t.  Pearson's χ², f(u) = (u - 1)²: T* = 2(p/q - 1)."""

    def activation(self, v: Tensor) -> Tensor:
        return v

    def conjugate(self, v: Tensor) -> Tensor:
        return v.square() / 4 + v


@dataclass(frozen=True)
class SquaredHellinger(FDivergence):
    """g(v) = 1 - e^-v, f*(t) = t / (1 - t).  Hellinger's squared, f(u) = (√u - 1)²: T* = 1 - √(q/p)."""

    def activation(self, v: Tensor) -> Tensor:
        return 1 - exp(-v)

    def conjugate(self, v: Tensor) -> Tensor:
        return exp(v) - 1


@dataclass(frozen=True)
class JensenShannon(FDivergence):
    """g(v) = log 2 - log(1 + e^-v), f*(t) = -log(2 - e^t).  Twice Jensen and Shannon's: T* = log 2p / (p + q)."""

    def activation(self, v: Tensor) -> Tensor:
        return math.log(2) + logsigmoid(v)

    def conjugate(self, v: Tensor) -> Tensor:
        return softplus(v) - math.log(2)


@dataclass(frozen=True)
class GANDivergence(FDivergence):
    """g(v) = -log(1 + e^-v), f*(t) = -log(1 - e^t).  The first GAN's, 2 JSD - log 4: T* = log p / (p + q)."""

    def activation(self, v: Tensor) -> Tensor:
        return logsigmoid(v)

    def conjugate(self, v: Tensor) -> Tensor:
        return softplus(v)
