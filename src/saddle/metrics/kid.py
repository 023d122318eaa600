"""Kernel Inception Distance. Bińkowski, Sutherland, Arbel, Gretton, 2018, https://arxiv.org/abs/1801.01401

The squared maximum mean discrepancy under the kernel (x·y/D + 1)³, estimated without bias: it may be below zero, and
is, about half the time, when the two distributions are equal.
"""

import torch
from torch import Tensor

from ..base.errors import UsageError
from .blocks import double, products
from .evidence import Evidence
from .ingredients import FEATURES, REFERENCE
from .metric import Estimate, Metric
from .score import Fingerprint
from .uncertainty import jackknife

SUBSETS = 100
_MOST = 5000  # of either set that the error is found from


def mmd(x: Tensor, y: Tensor) -> float:
    """Unbiased MMD² of features [N, D] and [M, D]: U-statistics within each set, all pairs across."""
    n, m = len(x), len(y)
    within = _others(x).sum() / (n * (n - 1)) + _others(y).sum() / (m * (m - 1))
    return float(within - 2 * _sums(x, y).sum() / (n * m))


def kid(
    real: Tensor, fake: Tensor, subsets: int = SUBSETS, size: int | None = None, seed: int = 0, error: bool = True
) -> tuple[float, float]:
    """Mean of MMD² over random subsets of `size` of each set, and its standard error; see `subset_size` for None.

    Papers print the deviation of the subsets behind ±. That is how sure one subset is, and several times the error of
    the mean, which has two parts: the draw of the fakes, and that of the subsets among them. Without `error` it is left
    out, and NaN.

    real [N, D], fake [M, D]
    """
    size = size or subset_size(len(real), len(fake))
    if not 2 <= size <= min(len(real), len(fake)):
        raise UsageError(f"KID subsets of {size}: from 2 to the smaller set, {min(len(real), len(fake))}, are possible")
    chance = torch.Generator().manual_seed(seed)

    def some(x: Tensor) -> Tensor:
        return x[torch.randperm(len(x), generator=chance)[:size].to(x.device)]

    values = torch.tensor([mmd(some(real), some(fake)) for _ in range(subsets)], dtype=torch.float64)
    if not error:
        return float(values.mean()), float("nan")
    return float(values.mean()), (_error(real, fake) ** 2 + float(values.var(unbiased=False)) / subsets) ** 0.5


def subset_size(real: int, fake: int) -> int:
    """1,000, but at most half of the smaller set: subsets that hold everything would all agree."""
    return max(2, min(1000, min(real, fake) // 2))


def rests_on(real: Tensor, fake: Tensor, subsets: int) -> Fingerprint:
    """What a KID of features real [N, D] and fake [M, D] rests on, for its fingerprint."""
    return {"subsets": subsets, "subset_size": subset_size(len(real), len(fake))}


def _error(real: Tensor, fake: Tensor) -> float:
    """Of the MMD² of all pairs, over the draw of the fakes: by the jackknife, of at most 5,000 of either set."""
    x, y = (z[:: -(-len(z) // _MOST)] for z in (real, fake))
    n, m = len(x), len(y)
    if m < 3:
        return float("nan")
    within, across = _others(y), _sums(y, x)
    left = (within.sum() - 2 * within) / ((m - 1) * (m - 2)) - 2 * (across.sum() - across) / (n * (m - 1))
    return jackknife(left) * (m / len(fake)) ** 0.5


def _sums(x: Tensor, y: Tensor) -> Tensor:
    """The kernel of each row of x with all rows of y, summed: [N]."""
    return torch.cat([block.div_(x.shape[1]).add_(1).pow_(3).sum(1) for block in products(x, y)])


def _others(x: Tensor) -> Tensor:
    """The kernel of each row with all other rows, summed: [N]."""
    squares = torch.cat([double(part).square().sum(1) for part in x.split(128)])  # few: a copy would be the most of it
    return _sums(x, x) - (squares / x.shape[1] + 1).pow(3)


def _kid(evidence: Evidence) -> Estimate:
    return kid(evidence[REFERENCE].seen.features, evidence[FEATURES], SUBSETS, seed=evidence.seed)


METRICS = {
    "kid": Metric(
        "kernel distance to the reference features, unbiased",
        "lower",
        (FEATURES, REFERENCE),
        _kid,
        lambda e: rests_on(e[REFERENCE].seen.features, e[FEATURES], SUBSETS),
        of_reference=2,
    )
}
