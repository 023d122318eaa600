"""Which modes of a known distribution are drawn: mixtures of Gaussians in the plane, and the 1,000 stacked digits.

The protocol of VEEGAN (https://arxiv.org/abs/1705.07761) and PacGAN (https://arxiv.org/abs/1712.04086): a sample is of
high quality within three standard deviations of its nearest mode (of real data in the plane 1 - e^-4.5 = 98.889 % are);
a mode is covered if one such sample is its own.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from saddle.metrics.blocks import double
from saddle.metrics.uncertainty import groups, jackknife, share_error

STACKED = 1000


def assign(points: Tensor, centres: Tensor, std: float) -> tuple[Tensor, Tensor]:
    """Of points [N, D] and centres [K, D]: the nearest mode, int64 [N], and whether it is within 3 std, bool [N]."""
    apart, mode = torch.cdist(double(points), double(centres.to(points.device))).min(1)
    return mode, apart <= 3 * std


def covered(mode: Tensor, counts: int) -> tuple[float, float]:
    """How many of `counts` modes occur in mode [N], with the jackknife's standard error."""

    def present(histogram: Tensor) -> float:
        return float((histogram > 0).sum())

    return _with_error(mode, counts, present)


def high_quality(good: Tensor) -> tuple[float, float]:
    """Share of True in good [N], with its binomial standard error."""
    share = float(double(good).mean())
    return share, share_error(share, len(good))


def mode_kl(mode: Tensor, counts: int) -> tuple[float, float]:
    """KL(histogram of mode [N] ‖ uniform over `counts`) in nats, with the jackknife's standard error.

    0 for equal shares, log(counts) for one mode; K modes equally drawn give log(counts / K). N draws from the uniform
    law itself give about (counts - 1) / 2N. No sample at all is as bad as one mode.
    """

    def divergence(histogram: Tensor) -> float:
        p = histogram / histogram.sum() if histogram.any() else torch.eye(counts)[0]
        return float(torch.special.xlogy(p, p).sum()) + math.log(counts)

    return _with_error(mode, counts, divergence)


def _with_error(mode: Tensor, counts: int, statistic: Callable[[Tensor], float]) -> tuple[float, float]:
    histogram = double(torch.bincount(mode, minlength=counts))
    fewer = [
        histogram - double(torch.bincount(mode[part], minlength=counts)) for part in groups(len(mode), mode.device)
    ]
    return statistic(histogram), jackknife([statistic(part) for part in fewer])
