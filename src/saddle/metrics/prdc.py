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

from ..base.errors import UsageError
from .blocks import squared_distances
from .evidence import Ingredient
from .ingredients import FEATURES, REFERENCE
from .metric import Metric
from .uncertainty import groups, jackknife

PRECISION_K, DENSITY_K = 3, 5


@dataclass(frozen=True)
class Shape:
    """The four scores, each with its standard error over the draw of the fakes (jackknife over ten groups)."""

    precision: tuple[float, float]
    recall: tuple[float, float]
    density: tuple[float, float]
    coverage: tuple[float, float]


def prdc(real: Tensor, fake: Tensor, precision_k: int = PRECISION_K, density_k: int = DENSITY_K) -> Shape:
    """Of features [N, D] and [M, D]; the distances are computed once, in blocks of bounded memory."""
    most = max(precision_k, density_k)
    if min(len(real), len(fake)) <= most:
        raise UsageError(
            f"{len(real)} real and {len(fake)} generated samples are too few for the {most}-th neighbour: "
            f"more than {most} of each are needed"
        )
    dealt = groups(len(fake), fake.device)
    fake, sizes = fake[torch.cat(dealt)], [len(group) for group in dealt]  # each group's columns lie side by side
    wide, narrow = radii(real, [precision_k, density_k])
    balls = _radii_without_each(fake, precision_k, sizes)
    precise, dense = torch.zeros(2, len(fake), dtype=torch.float64, device=wide.device)
    recalled, covered = [], []
    for part, squared in squared_distances(real, fake):
        precise += (squared <= wide[part, None]).any(0)
        inside = squared < narrow[part, None]
        dense += inside.sum(0)
        covered.append(_any_without_each(inside, sizes))
        recalled.append(torch.stack([(squared <= radius).any(1) for radius in balls]))
    return Shape(
        precision=_estimate(_means_without_each(precise.clamp(max=1), sizes)),
        recall=_estimate(torch.cat(recalled, 1).double().mean(1)),
        density=_estimate(_means_without_each(dense / density_k, sizes)),
        coverage=_estimate(torch.cat(covered, 1).double().mean(1)),
    )


def radii(x: Tensor, neighbours: Sequence[int]) -> list[Tensor]:
    """For each k, the squared distance from every row of x [N, D] to its k-th other row: float64 [N]."""
    nearest = [block.topk(max(neighbours) + 1, largest=False).values for _, block in squared_distances(x, x)]
    return [torch.cat([values[:, k] for values in nearest]) for k in neighbours]  # the nearest is the row itself


def _radii_without_each(x: Tensor, k: int, sizes: list[int]) -> Tensor:
    """`radii` among all rows, then without each group in turn, whose own rows then have no ball (-1): [1 + g, M].

    Only the first where too few rows are left for a k-th neighbour. The k + 1 nearest of every group hold the k + 1
    nearest of any union of groups, so that one pass over the distances is enough.
    """
    rests = [list(range(len(sizes)))]
    if len(x) - max(sizes) > k:
        rests += [[other for other in rests[0] if other != left_out] for left_out in rests[0]]
    nearest = []
    for _, squared in squared_distances(x, x):
        near = [columns.topk(min(k + 1, columns.shape[1]), largest=False).values for columns in squared.split(sizes, 1)]
        nearest.append(torch.stack([torch.cat([near[i] for i in rest], 1).kthvalue(k + 1).values for rest in rests]))
    balls = torch.cat(nearest, 1)
    for without, own in zip(balls[1:], torch.arange(len(x), device=x.device).split(sizes), strict=False):
        without[own] = -1
    return balls


def _any_without_each(hit: Tensor, sizes: list[int]) -> Tensor:
    """Is any column of hit [N, M] true: among all, then without each group of columns in turn; [1 + g, N]."""
    per_group = torch.stack([columns.any(1) for columns in hit.split(sizes, 1)]).int()
    return torch.cat([per_group.sum(0, keepdim=True), per_group.sum(0) - per_group]) > 0


def _means_without_each(values: Tensor, sizes: list[int]) -> Tensor:
    """Mean of all values [M], then without each group: [1 + g]."""
    sums = torch.stack([part.sum() for part in values.split(sizes)])
    rest = len(values) - torch.tensor(sizes, device=values.device)
    return torch.cat([values.mean()[None], (values.sum() - sums) / rest])


def _estimate(means: Tensor) -> tuple[float, float]:
    """The first, with the jackknife's error from the others."""
    whole, *fewer = means.tolist()
    return whole, jackknife(fewer)


SHAPE = Ingredient("shape", make=lambda e: prdc(e[REFERENCE].seen.features, e[FEATURES]), needs=(FEATURES, REFERENCE))

METRICS = {
    "precision": Metric(
        "share of samples that lie among the real ones",
        "higher",
        (SHAPE,),
        lambda e: e[SHAPE].precision,
        lambda e: {"k": PRECISION_K},
        of_reference=DENSITY_K + 1,  # all four share one look at the neighbours
    ),
    "recall": Metric(
        "share of real ones that lie among the samples",
        "higher",
        (SHAPE,),
        lambda e: e[SHAPE].recall,
        lambda e: {"k": PRECISION_K},
        of_reference=DENSITY_K + 1,  # all four share one look at the neighbours
    ),
    "density": Metric(
        "how thickly real ones surround a sample; 1 for real data",
        "higher",
        (SHAPE,),
        lambda e: e[SHAPE].density,
        lambda e: {"k": DENSITY_K},
        of_reference=DENSITY_K + 1,  # all four share one look at the neighbours
    ),
    "coverage": Metric(
        "share of real ones with a sample in their neighbourhood",
        "higher",
        (SHAPE,),
        lambda e: e[SHAPE].coverage,
        lambda e: {"k": DENSITY_K},
        of_reference=DENSITY_K + 1,  # all four share one look at the neighbours
    ),
}
