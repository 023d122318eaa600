"""Penalties: terms added to a player's adversarial loss, most of them of the gradient of its logits.

A penalty sees a `Context`, one move with what was judged in it. A game of another shape builds its own context:
`penalty(rounds, Context(lambda x: self.discriminator(x).logits, real, fake))`.
"""

from .base import Penalty, paid, remembered
from .gradients import R1, R2, GradientPenalty, InputPenalty, NearDataPenalty, NormPenalty, ZeroCentred, input_gradient
from .outputs import BalancedConsistency, Drift, LatentConsistency, LeCam
from .styles import PathLength
from .weights import HistoricalAveraging, Orthogonal, WeightPenalty, matrices

__all__ = [
    "R1",
    "R2",
    "BalancedConsistency",
    "Drift",
    "GradientPenalty",
    "HistoricalAveraging",
    "InputPenalty",
    "LatentConsistency",
    "LeCam",
    "NearDataPenalty",
    "NormPenalty",
    "Orthogonal",
    "PathLength",
    "Penalty",
    "WeightPenalty",
    "ZeroCentred",
    "input_gradient",
    "matrices",
    "paid",
    "remembered",
]
