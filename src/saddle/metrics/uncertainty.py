"""How sure a score is: the delete-a-group jackknife and the binomial standard error."""

from collections.abc import Sequence

import torch
from torch import Tensor

GROUPS = 10


def groups(count: int, device: torch.device | str = "cpu", most: int = GROUPS) -> list[Tensor]:
    """Indices 0 … count - 1 dealt like cards into at most `most` groups; none for fewer than two samples."""
    parts = min(most, count)
    return [torch.arange(part, count, parts, device=device) for part in range(parts)] if parts > 1 else []


def jackknife(values: Sequence[float]) -> float:
    """Standard error from the scores without each of g groups: sqrt((g - 1)/g · Σ (vᵢ - v̄)²); NaN for g < 2."""
    if len(values) < 2:
        return float("nan")
    left = torch.tensor(values, dtype=torch.float64)
    return float(((len(left) - 1) * (left - left.mean()).square().mean()).sqrt())


def mean_error(values: Tensor) -> float:
    """Standard error of the mean of independent values [N]: s / sqrt(n); NaN for n < 2, of which nobody can tell."""
    return float(values.std()) / len(values) ** 0.5 if len(values) > 1 else float("nan")


def share_error(share: float, count: int) -> float:
    """Standard error of a share of `count` independent samples: sqrt(p (1 - p) / n)."""
    return (share * (1 - share) / count) ** 0.5 if count else float("nan")
