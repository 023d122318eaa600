"""Kernel Inception Distance. Bińkowski, Sutherland, Arbel, Gretton, 2018, https://arxiv.org/abs/1801.01401

The squared maximum mean discrepancy under the kernel (x·y/D + 1)³, estimated without bias: it may be below zero, and
is, about half the time, when the two laws are equal.
"""

import torch
from torch import Tensor

from ..base.errors import UsageError
from .blocks import double, products
from .evidence import Evidence
from .ingredients import FEATURES, REFERENCE
from .metric import Estimate, Metric
from .score import Fingerprint

SUBSETS = 100


def mmd(x: Tensor, y: Tensor) -> float:
    """Unbiased MMD² of features [N, D] and [M, D]: U-statistics within each set, all pairs across."""
    n, m = len(x), len(y)
    within = (_sum(x, x) - _own(x)) / (n * (n - 1)) + (_sum(y, y) - _own(y)) / (m * (m - 1))
    return float(within - 2 * _sum(x, y) / (n * m))


def kid(
    real: Tensor, fake: Tensor, subsets: int = SUBSETS, size: int | None = None, seed: int = 0
) -> tuple[float, float]:
    """Mean and standard deviation of MMD² over random subsets of `size` of each set; see `subset_size` for None.

    Subsets that hold everything all agree, and their deviation says nothing: it is NaN.
    """
    size = size or subset_size(len(real), len(fake))
    if not 2 <= size <= min(len(real), len(fake)):
        raise UsageError(f"KID subsets of {size}: from 2 to the smaller set, {min(len(real), len(fake))}, are possible")
    chance = torch.Generator().manual_seed(seed)

    def some(x: Tensor) -> Tensor:
        return x[torch.randperm(len(x), generator=chance)[:size].to(x.device)]

    values = torch.tensor([mmd(some(real), some(fake)) for _ in range(subsets)], dtype=torch.float64)
    everything = size == len(real) == len(fake)
    return float(values.mean()), float("nan") if everything else float(values.std(unbiased=False))


def subset_size(real: int, fake: int) -> int:
    """1,000, but at most half of the smaller set: subsets that hold everything would all agree."""
    return max(2, min(1000, min(real, fake) // 2))


def rests_on(real: Tensor, fake: Tensor, subsets: int) -> Fingerprint:
    """What a KID of these features rests on, for its fingerprint."""
    return {"subsets": subsets, "subset_size": subset_size(len(real), len(fake))}


def _sum(x: Tensor, y: Tensor) -> Tensor:
    return torch.stack([block.div_(x.shape[1]).add_(1).pow_(3).sum() for block in products(x, y)]).sum()


def _own(x: Tensor) -> Tensor:
    return (double(x).square().sum(1) / x.shape[1] + 1).pow(3).sum()


def _kid(evidence: Evidence) -> Estimate:
    return kid(evidence[REFERENCE].seen.features, evidence[FEATURES], SUBSETS, seed=evidence.seed)


METRICS = {
    "kid": Metric(
        "kernel distance to the reference features, unbiased",
        "lower",
        (FEATURES, REFERENCE),
        _kid,
        lambda e: rests_on(e[REFERENCE].seen.features, e[FEATURES], SUBSETS),
    )
}
