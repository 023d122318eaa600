"""Fréchet Inception Distance. Heusel, Ramsauer, Unterthiner, Nessler, Hochreiter, 2017, https://arxiv.org/abs/1706.08500

Two sets of features are compared as two Gaussians: |μ₁ - μ₂|² + Tr(Σ₁ + Σ₂ - 2 (Σ₁Σ₂)^½), in float64. It is biased
upwards, by about c/N: only scores of equal counts compare.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..base import dist
from ..base.errors import SaddleError
from .blocks import double
from .evidence import Ingredient
from .ingredients import FEATURES, REFERENCE, TRAINED
from .metric import Metric
from .multiple import FEWEST, multiple
from .uncertainty import groups, jackknife


@dataclass(frozen=True)
class Moments:
    """What a Gaussian needs of N vectors: count, mean [D] and scatter Σ (x - μ)(x - μ)ᵀ [D, D], in float64.

    Kept centred and merged pairwise, since sums of squares lose the digits of features that lie far from zero.
    """

    count: Tensor  # float64, scalar
    mean: Tensor
    scatter: Tensor

    @classmethod
    def of(cls, features: Tensor) -> "Moments":
        """Of float [N, D] with N ≥ 1."""
        x = double(features)
        mean = x.mean(0)
        x = x - mean
        return cls(torch.tensor(float(len(x)), dtype=x.dtype, device=x.device), mean, x.T @ x)

    def update(self, features: Tensor) -> "Moments":
        """These and further vectors [N, D]."""
        return self.merge(Moments.of(features)) if len(features) else self

    def merge(self, other: "Moments") -> "Moments":
        """Of both sets together."""
        count = self.count + other.count
        apart = other.mean - self.mean
        scatter = self.scatter + other.scatter + torch.outer(apart, apart) * (self.count * other.count / count)
        return Moments(count, self.mean + apart * (other.count / count), scatter)

    def without(self, other: "Moments") -> "Moments":
        """Of this set less a subset of it that `other` describes: the inverse of `merge`."""
        count = self.count - other.count
        apart = (self.mean - other.mean) * (self.count / count)
        scatter = self.scatter - other.scatter - torch.outer(apart, apart) * (count * other.count / self.count)
        return Moments(count, other.mean + apart, scatter)

    def shared(self) -> "Moments":
        """Of every process's vectors together, the same on all."""
        count = dist.total(self.count)
        mean = dist.total(self.mean * self.count) / count
        apart = self.mean - mean
        return Moments(count, mean, dist.total(self.scatter + torch.outer(apart, apart) * self.count))

    @property
    def covariance(self) -> Tensor:
        """Unbiased [D, D]; SaddleError for fewer than two vectors."""
        if self.count < 2:
            raise SaddleError(f"a covariance needs two samples at least, and there are {int(self.count)}")
        return self.scatter / (self.count - 1)


class Frechet:
    """The Fréchet distance to one reference, whose matrix root is taken once."""

    def __init__(self, reference: Moments) -> None:
        self.mean, self.covariance = reference.mean, reference.covariance
        values, vectors = torch.linalg.eigh(self.covariance)
        self.root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T

    def __call__(self, other: Moments) -> float:
        """Tr (Σ₁Σ₂)^½ is the sum of the roots of the eigenvalues of Σ₁^½ Σ₂ Σ₁^½, which is symmetric."""
        covariance = other.covariance
        both = self.root @ covariance @ self.root
        cross = torch.linalg.eigvalsh((both + both.T) / 2).clamp(min=0).sqrt().sum()
        apart = (self.mean - other.mean).square().sum()
        return max(0.0, float(apart + self.covariance.trace() + covariance.trace() - 2 * cross))


def fid(real: Tensor, fake: Tensor) -> tuple[float, float]:
    """FID of features [N, D] and [M, D], with its standard error over the draw of the fakes, the reference held fixed.

    The error is the jackknife's: the fakes without each of ten groups.
    """
    distance = Frechet(Moments.of(real))
    whole = Moments.of(fake)
    fewer = [whole.without(Moments.of(fake[part])) for part in groups(len(fake), fake.device)]
    return distance(whole), jackknife([distance(part) for part in fewer if part.count >= 2])


FID = Ingredient("fid", make=lambda e: fid(e[REFERENCE].seen.features, e[FEATURES]), needs=(FEATURES, REFERENCE))
FLOOR = Ingredient(
    "fid_floor", make=lambda e: fid(e[REFERENCE].seen.features, e[TRAINED].seen.features), needs=(REFERENCE, TRAINED)
)

METRICS = {
    "fid": Metric("Fréchet distance to the reference features", "lower", (FID,), lambda e: e[FID], of_reference=2),
    "fid_floor": Metric(
        "FID of the training part: what real data scores", "lower", (FLOOR,), lambda e: e[FLOOR], of_reference=2
    ),
    "fid_multiple": Metric(
        "FID as a multiple of the floor",
        "lower",
        (FID, FLOOR),
        lambda e: multiple(e[FID], e[FLOOR], e[REFERENCE].count),
        of_reference=2,
        references=FEWEST,
    ),
}
