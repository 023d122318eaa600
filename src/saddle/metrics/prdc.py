"""Precision and recall, density and coverage: is what is drawn real, and is what is real drawn?

Improved precision and recall: Kynkäänniemi, Karras, Laine, Lehtinen, Aila, 2019, https://arxiv.org/abs/1904.06991.
Density and coverage: Naeem, Oh, Uh, Choi, Yoo, 2020, https://arxiv.org/abs/2002.09797.

A set's shape is the union of balls around its points, each as wide as the distance to the k-th other point. Precision
(k = 3, `≤`) is the share of fakes within the real shape; recall swaps the sets. Density (k = 5, `<`) counts real balls
around a fake, over k: 1 for equal laws. Coverage is the share of real balls that hold a fake: 1 - 2⁻ᵏ for equal laws.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from saddle.errors import UsageError
from saddle.metrics.blocks import squared_distances
from saddle.metrics.uncertainty import jackknife, without_each


@dataclass(frozen=True)
class Shape:
    """The four scores, each with its standard error over the draw of the fakes (jackknife over ten groups)."""

    precision: tuple[float, float]
    recall: tuple[float, float]
    density: tuple[float, float]
    coverage: tuple[float, float]


def prdc(real: Tensor, fake: Tensor, precision_k: int = 3, density_k: int = 5) -> Shape:
    """Of features [N, D] and [M, D]; the distances are computed once, in blocks of bounded memory."""
    if min(len(real), len(fake)) <= max(precision_k, density_k):
        raise UsageError(
            f"{len(real)} real and {len(fake)} generated samples are too few for the {max(precision_k, density_k)}-th "
            f"neighbour: more than {max(precision_k, density_k)} of each are needed"
        )
    kept = [k for k in without_each(len(fake), fake.device) if len(k) > precision_k]
    kept = [torch.arange(len(fake), device=fake.device), *kept]
    wide, narrow = radii(real, [precision_k, density_k])
    fake_radii = _radii_within(fake, precision_k, kept)
    precise = torch.zeros(len(fake), dtype=torch.bool, device=wide.device)
    dense = torch.zeros(len(fake), dtype=torch.float64, device=wide.device)
    recalled, covered = (torch.zeros(len(kept), len(real), dtype=torch.bool, device=wide.device) for _ in range(2))
    for part, squared in squared_distances(real, fake):
        precise |= (squared <= wide[part, None]).any(0)
        inside = squared < narrow[part, None]
        dense += inside.sum(0)
        for number, keep in enumerate(kept):
            recalled[number, part] = (squared[:, keep] <= fake_radii[number]).any(1)
            covered[number, part] = inside[:, keep].any(1)
    return Shape(
        precision=_estimate([precise[keep] for keep in kept]),
        recall=_estimate(recalled),
        density=_estimate([dense[keep] / density_k for keep in kept]),
        coverage=_estimate(covered),
    )


def radii(x: Tensor, neighbours: Sequence[int]) -> list[Tensor]:
    """For each k, the squared distance from every row of x [N, D] to its k-th other row: float64 [N]."""
    found = [block.topk(max(neighbours) + 1, largest=False).values for _, block in squared_distances(x, x)]
    return [torch.cat([values[:, k] for values in found]) for k in neighbours]  # place 0 is the row itself


def _radii_within(x: Tensor, k: int, kept: list[Tensor]) -> list[Tensor]:
    """`radii` within each kept subset of x, for its own rows in its order."""
    found: list[list[Tensor]] = [[] for _ in kept]
    for part, squared in squared_distances(x, x):
        for keep, values in zip(kept, found, strict=True):
            own = keep[(keep >= part.start) & (keep < part.stop)] - part.start
            values.append(squared[:, keep][own].kthvalue(k + 1).values)
    return [torch.cat(values) for values in found]


def _estimate(samples: Sequence[Tensor] | Tensor) -> tuple[float, float]:
    """The mean over everything, and the jackknife of the means without each group."""
    whole, *fewer = (float(values.double().mean()) for values in samples)
    return whole, jackknife(fewer)
