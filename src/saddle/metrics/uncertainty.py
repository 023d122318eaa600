"""How sure a score is: its standard error over the draw of what is scored, with what it is compared with held fixed.

`python -m benchmarks.errors` holds the stated errors of all such measures against the true ones.
"""

from collections.abc import Sequence
from itertools import combinations

import torch
from torch import Tensor

GROUPS = 10
_SPLITS, _DRAWS = 16, 4096


def groups(count: int, device: torch.device | str = "cpu", most: int = GROUPS) -> list[Tensor]:
    """Indices 0 … count - 1, divided in turn into at most `most` groups; none for fewer than two samples.

    Each is int64 [n].
    """
    parts = min(most, count)
    return [torch.arange(part, count, parts, device=device) for part in range(parts)] if parts > 1 else []


def jackknife(values: Sequence[float] | Tensor) -> float:
    """Standard error from the scores without each of g groups: sqrt((g - 1)/g · Σ (vᵢ - v̄)²); NaN for g < 2.

    values [g]
    """
    if len(values) < 2:
        return float("nan")
    left = torch.as_tensor(values, dtype=torch.float64)
    return float(((len(left) - 1) * (left - left.mean()).square().mean()).sqrt())


def mean_error(values: Tensor) -> float:
    """Standard error of the mean of independent values [N]: s / sqrt(n); NaN for n < 2, of which nobody can tell."""
    return float(values.std()) / len(values) ** 0.5 if len(values) > 1 else float("nan")


def share_error(share: float, count: int) -> float:
    """Standard error of a share of `count` independent samples: sqrt(p (1 - p) / n), and never less than 1 / (2 n).

    Of none and of all the first would be 0, as if there could be no other: half a sample is right to about a quarter,
    for whatever share has 0.3 samples or more on its rarer side.
    """
    return max((share * (1 - share) / count) ** 0.5, least(count)) if count else float("nan")


def least(count: int) -> float:
    """The least standard error of a share of so many samples: half a sample."""
    return 1 / (2 * count)


def halves(count: int) -> Tensor:
    """Ways to split `count` groups into two halves: of the first halves and then of the second ones, bool [2 S, count].

    None for fewer than two groups.
    """
    first = list(combinations(range(1, count), count // 2 - 1)) if count > 1 else []
    some = first[:: max(1, len(first) // _SPLITS)]
    inside = torch.zeros(len(some), count, dtype=torch.bool)
    for row, others in zip(inside, some, strict=True):
        row[[0, *others]] = True
    return torch.cat([inside, ~inside])


def reached_error(share: float, of_halves: Tensor, shrinking: int = 0) -> float:
    """Standard error of the share of fixed things that samples reach, from the shares that `halves` of them do [2 S].

    The variance of halves is half the mean square of their difference. That of the whole is as many times the
    binomial one: things are reached together. Where samples reach less far the more of them there are, as balls up to
    a neighbour do, `shrinking` is the number of things: what exceeds the binomial variance halves with the balls. The
    jackknife would be up to 2.2 times too large, for a sample left out leaves most of its things to others.
    """
    if not len(of_halves):
        return float("nan")
    first, second = of_halves.double().view(2, -1)
    found, binomial = float((first - second).square().mean()) / 2, share * (1 - share)
    of_half = float((of_halves * (1 - of_halves)).mean())
    if shrinking:
        return max(0.0, min(found, binomial / shrinking + (found - of_half / shrinking) / 2)) ** 0.5
    return (binomial * found / of_half) ** 0.5 if of_half > 0 else 0.0


def least_error(values: Sequence[float], errors: Sequence[float]) -> float:
    """Standard error of the least of independent estimates [K] with these errors: which one is least is chance, too.

    Estimates lie further apart than what they estimate: they are drawn together by as much before others are drawn.
    """
    found, sure = (torch.tensor(x, dtype=torch.float64) for x in (values, errors))
    mean, spread = found.mean(), float(found.var())
    apart = max(0.0, 1 - float(sure.square().mean()) / spread) ** 0.5 if spread > 0 else 0.0
    noise = torch.randn(_DRAWS, len(found), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return float((mean + apart * (found - mean) + noise * sure).amin(1).std())
