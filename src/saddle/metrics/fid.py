"""Fréchet Inception Distance. Heusel, Ramsauer, Unterthiner, Nessler, Hochreiter, 2017, https://arxiv.org/abs/1706.08500

Two sets of features are compared as two Gaussians: |μ₁ - μ₂|² + Tr(Σ₁ + Σ₂ - 2 (Σ₁Σ₂)^½), in float64. It is biased
upwards, by about c/N: only scores of equal counts compare.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..base import dist
from ..base.errors import SaddleError
from ..show.scores import ERROR, NOT_ASKED
from .blocks import double, product
from .evidence import Evidence, Ingredient
from .ingredients import FEATURES, REFERENCE, TRAINED
from .metric import Estimate, Metric
from .multiple import FEW, FEWEST, multiple
from .score import Fingerprint
from .uncertainty import groups, jackknife

PART_BYTES = 16 * 2**20  # of the float64 features that are worked on at once
QUICK = 1024  # features at most, of which ten more decompositions take no time that anybody would notice


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
        """Of float [N, D] with N ≥ 1, a block of rows at a time: float64 copies of 50,000 features would be 1.6 GB."""
        parts = features.split(max(1, PART_BYTES // (8 * features.shape[1])))
        mean = torch.stack([double(part).sum(0) for part in parts]).sum(0) / len(features)
        scatter = mean.new_zeros(len(mean), len(mean))
        for part in parts:
            x = double(part) - mean
            scatter += product(x.T, x)
        return cls(mean.new_tensor(len(features)), mean, scatter)

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
    """The Fréchet distance to one reference, whose covariance is taken apart once."""

    def __init__(self, reference: Moments) -> None:
        covariance = reference.covariance
        self.mean, self.trace, self.factor = reference.mean, covariance.trace(), _factor(covariance)

    def __call__(self, other: Moments) -> float:
        """Tr (Σ₁Σ₂)^½ is the sum of the roots of the eigenvalues of Lᵀ Σ₂ L, where Σ₁ = L Lᵀ: it is symmetric."""
        covariance = other.covariance
        trace, both = covariance.trace(), self.factor.T @ covariance
        del covariance  # a tenth of the memory of it all, where there are 2,048 features
        both = both @ self.factor
        cross = torch.linalg.eigvalsh(both).clamp(min=0).sqrt().sum()
        apart = (self.mean - other.mean).square().sum()
        return max(0.0, float(apart + self.trace + trace - 2 * cross))


def _factor(covariance: Tensor) -> Tensor:
    """L of covariance = L Lᵀ [D, D]: [D, R] of full column rank, where it has no more than rank R."""
    triangle, failed = torch.linalg.cholesky_ex(covariance)
    if not failed:
        return triangle
    values, vectors = torch.linalg.eigh(covariance)
    there = values > 0
    return vectors[:, there] * values[there].sqrt()


def fid(real: Tensor, fake: Tensor, error: bool = True) -> tuple[float, float]:
    """FID of features [N, D] and [M, D], with its standard error over the draw of the fakes, the reference held fixed.

    The error is the jackknife's: the fakes without each of ten groups. That is most of the work; without `error` it is
    left out, and NaN.
    """
    distance = Frechet(Moments.of(real))
    whole = Moments.of(fake)
    if not error:
        return distance(whole), float("nan")
    fewer = (whole.without(Moments.of(fake[part])) for part in groups(len(fake), fake.device))
    return distance(whole), jackknife([distance(part) for part in fewer if part.count >= 2])


def with_error(evidence: Evidence, features: Tensor) -> bool:
    """Is the error of an FID of these features [N, D] computed? Always if that is quick, else if it is asked for."""
    return evidence.errors or features.shape[1] <= QUICK


def left_out(evidence: Evidence, features: Tensor) -> Fingerprint:
    """What a fingerprint says where the error for these features [N, D] is not computed."""
    return {} if with_error(evidence, features) else {ERROR: NOT_ASKED}


def _fid(evidence: Evidence, features: Tensor) -> Estimate:
    return fid(evidence[REFERENCE].seen.features, features, with_error(evidence, features))


FID = Ingredient(
    "fid",
    make=lambda e: _fid(e, e[FEATURES]),
    needs=(FEATURES, REFERENCE),
    entries=lambda value, e: left_out(e, e[FEATURES]),
)
FLOOR = Ingredient(
    "fid_floor",
    make=lambda e: _fid(e, e[TRAINED].seen.features),
    needs=(REFERENCE, TRAINED),
    entries=lambda value, e: left_out(e, e[TRAINED].seen.features),
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
        few=FEW,
    ),
}
