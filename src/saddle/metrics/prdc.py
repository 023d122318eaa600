"""Precision and recall, density and coverage: is what is drawn real, and is what is real drawn?

Improved precision and recall: Kynkäänniemi, Karras, Laine, Lehtinen, Aila, 2019, https://arxiv.org/abs/1904.06991.
Density and coverage: Naeem, Oh, Uh, Choi, Yoo, 2020, https://arxiv.org/abs/2002.09797.

A set's shape is the union of balls around its points, each as wide as the distance to the k-th other point. Precision
(k = 3, `≤`) is the share of fakes within the real shape; recall swaps the sets. Density (k = 5, `<`) counts real balls
around a fake, over k: 1 for equal distributions. Coverage is the share of real balls that hold a fake: 1 - 2⁻ᵏ for
equal distributions.
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
from .uncertainty import groups, halves, mean_error, reached_error

PRECISION_K, DENSITY_K = 3, 5
ONE = "one image again and again, grey even, may score high: see recall, coverage"


@dataclass(frozen=True)
class Shape:
    """The four scores, each with its standard error over the draw of the fakes."""

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
    splits = halves(len(dealt)).to(fake.device)
    balls = _radii_of_unions(fake, precision_k, sizes, splits)
    precise, dense = torch.zeros(2, len(fake), dtype=torch.float64, device=wide.device)
    recalled, covered = [], []
    for part, squared in squared_distances(real, fake):
        precise += (squared <= wide[part, None]).any(0)
        inside = squared < narrow[part, None]
        dense += inside.sum(0)
        covered.append(_any_of_unions(inside, sizes, splits))
        recalled.append(torch.stack([(squared <= radius).any(1) for radius in balls]))
    return Shape(
        precision=_mean(precise.clamp(max=1)),
        recall=_reached(torch.cat(recalled, 1), len(real)),
        density=_mean(dense / density_k),
        coverage=_reached(torch.cat(covered, 1)),
    )


def radii(x: Tensor, neighbours: Sequence[int]) -> list[Tensor]:
    """For each k, the squared distance from every row of x [N, D] to its k-th other row: float64 [N]."""
    nearest = [block.topk(max(neighbours) + 1, largest=False).values for _, block in squared_distances(x, x)]
    return [torch.cat([values[:, k] for values in nearest]) for k in neighbours]  # the nearest is the row itself


def _radii_of_unions(x: Tensor, k: int, sizes: list[int], unions: Tensor) -> Tensor:
    """`radii` among all rows, then in each union of groups, bool [U, g], outside of which there is no ball (-1).

    [1 + U, M]; only the first where a union has too few rows for a k-th neighbour. The k + 1 nearest of every group
    hold the k + 1 nearest of any union of groups, so that one pass over the distances is enough.
    """
    rows = torch.tensor(sizes, device=x.device)
    there = torch.cat([torch.ones_like(unions[:1]), unions if bool(((unions * rows).sum(1) > k).all()) else unions[:0]])
    nearest = []
    for _, squared in squared_distances(x, x):
        near = [columns.topk(min(k + 1, columns.shape[1]), largest=False).values for columns in squared.split(sizes, 1)]
        wanted = ([near[i] for i in union.nonzero()] for union in there)
        nearest.append(torch.stack([torch.cat(part, 1).kthvalue(k + 1).values for part in wanted]))
    return torch.cat(nearest, 1).masked_fill(~there.repeat_interleave(rows, 1), -1)


def _any_of_unions(hit: Tensor, sizes: list[int], unions: Tensor) -> Tensor:
    """Is any column of hit [N, M] true: of all, then of each union of groups of columns, bool [U, g]; [1 + U, N]."""
    per_group = torch.stack([columns.any(1) for columns in hit.split(sizes, 1)]).float()
    return torch.cat([torch.ones_like(unions[:1]), unions]).float() @ per_group > 0


def _mean(values: Tensor) -> tuple[float, float]:
    return float(values.mean()), mean_error(values)


def _reached(hit: Tensor, shrinking: int = 0) -> tuple[float, float]:
    """Share of True in the first row of hit [1 + U, N]; its error is found from the other rows."""
    share, *of_halves = hit.double().mean(1).tolist()
    return share, reached_error(share, torch.tensor(of_halves), shrinking)


SHAPE = Ingredient("shape", make=lambda e: prdc(e[REFERENCE].seen.features, e[FEATURES]), needs=(FEATURES, REFERENCE))

METRICS = {
    "precision": Metric(
        "share of samples that lie among the real ones",
        "higher",
        (SHAPE,),
        lambda e: e[SHAPE].precision,
        lambda e: {"k": PRECISION_K},
        of_reference=DENSITY_K + 1,  # all four share one look at the neighbours
        caveat=ONE,
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
        caveat=ONE,
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
