"""Is a difference one of the recipes, or one of the seeds? Welch's t, and Holm's correction for several comparisons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, variance

LEVEL = 0.05  # chance of a false claim, over all comparisons of one score


@dataclass(frozen=True)
class Difference:
    """Of two groups of runs, each of one recipe with several seeds: mean of the second minus that of the first."""

    value: float
    low: float  # of its 95 % confidence interval
    high: float
    p: float  # chance of so great a difference where there is none
    effect: float  # Hedges' g: the difference relative to the runs' standard deviation
    runs: tuple[int, int]


def welch(first: Sequence[float], second: Sequence[float]) -> Difference | None:
    """Welch, 1947: means of groups of unequal variances.

    None with fewer than two runs in a group, without a deviation, or with a value that is not finite.

    The degrees of freedom are Welch and Satterthwaite's; the effect is Hedges' g with his correction for few runs.
    """
    n, m = len(first), len(second)
    if min(n, m) < 2 or not all(map(math.isfinite, (*first, *second))):
        return None
    a, b = variance(first) / n, variance(second) / m
    if not a + b > 0:
        return None
    from scipy.special import stdtr, stdtrit  # which scikit-learn brings along

    value, error = mean(second) - mean(first), math.sqrt(a + b)
    freedom = (a + b) ** 2 / (a**2 / (n - 1) + b**2 / (m - 1))
    reach = float(stdtrit(freedom, 1 - LEVEL / 2)) * error
    p = 2 * float(stdtr(freedom, -abs(value) / error))
    pooled = math.sqrt(((n - 1) * n * a + (m - 1) * m * b) / (n + m - 2))
    effect = value / pooled * (1 - 3 / (4 * (n + m) - 9))
    return Difference(value, value - reach, value + reach, p, effect, (n, m))


def holm(chances: Sequence[float]) -> list[float]:
    """Holm, 1979: the chances of several comparisons, each as large as all of them together make it, at most 1."""
    adjusted, most = [0.0] * len(chances), 0.0
    for place, i in enumerate(sorted(range(len(chances)), key=lambda i: chances[i])):
        most = max(most, min(1.0, (len(chances) - place) * chances[i]))
        adjusted[i] = most
    return adjusted
