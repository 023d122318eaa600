"""Adversarial losses: what the discriminator and the generator make of two sets of logits.

Each takes logits of any shape, `real` = C(x) and `fake` = C(G(z)), and returns a scalar to minimise. D(x) = σ(C(x))
where the paper has probabilities; everything is computed from logits, where nothing overflows. The docstring of each
begins with the formulas of both players, each term the mean over samples.
"""

from .adversarial import (
    AdversarialLoss,
    EnergyMargin,
    HalfLeastSquares,
    HalfNonSaturating,
    HalfRelativisticAverage,
    Hinge,
    LeastSquares,
    Minimax,
    NonSaturating,
    Preference,
    RelativisticAverage,
    RelativisticPairing,
    TopK,
    Wasserstein,
)
from .divergences import (
    KL,
    FDivergence,
    GANDivergence,
    JensenShannon,
    PearsonChi2,
    ReverseKL,
    SquaredHellinger,
)

__all__ = [
    "KL",
    "AdversarialLoss",
    "EnergyMargin",
    "FDivergence",
    "GANDivergence",
    "HalfLeastSquares",
    "HalfNonSaturating",
    "HalfRelativisticAverage",
    "Hinge",
    "JensenShannon",
    "LeastSquares",
    "Minimax",
    "NonSaturating",
    "PearsonChi2",
    "Preference",
    "RelativisticAverage",
    "RelativisticPairing",
    "ReverseKL",
    "SquaredHellinger",
    "TopK",
    "Wasserstein",
]
