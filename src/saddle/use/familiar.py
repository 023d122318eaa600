"""Is an image like those that a run was trained on? By brightness, contrast, colours and sharpness.

Of these few numbers the training images have a mean and a covariance; an image lies as far from them as its Mahalanobis
distance says (Mahalanobis, 1936). What is farther than 99 % of held-out images is unlike them. It says nothing of what
is in the picture.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..base.plain import fits

SHARE = 0.99  # of the held-out images are nearer than the limit
FEWEST = 50  # images without which nothing is said
RIDGE = 1e-3  # added to variances: of images that are all alike none is infinitely far
TINY = 1e-3  # the least sharpness that is told from none


@dataclass(frozen=True)
class Familiar:
    """What the images of one domain are like."""

    mean: Tensor  # [D] float64
    inverse: Tensor  # [D, D]: of the covariance
    limit: float

    def distance(self, image: Tensor) -> float:
        """Of an image [C, H, W] in [-1, 1], of any size, in parts of the limit: above 1 it is unlike the others."""
        return float(distances(measured(image)[None], self.mean, self.inverse)) / self.limit

    def written(self) -> dict[str, Any]:
        return {"mean": self.mean.tolist(), "inverse": self.inverse.tolist(), "limit": self.limit}


def measured(image: Tensor) -> Tensor:
    """Of [C, H, W] in [-1, 1]: mean and deviation of each channel, the logarithms of edges and of fine detail."""
    x = image.double()
    grey = x.mean(0)
    steps = (grey.diff(dim=0), grey.diff(dim=1))
    edges = sum((step.abs().mean() for step in steps if step.numel()), x.new_zeros(()))
    detail = sum((step.diff(dim=d).abs().mean() for d, step in enumerate(steps) if step.shape[d] > 1), x.new_zeros(()))
    flat = x.flatten(1)
    sharp = torch.stack([torch.as_tensor(edges), torch.as_tensor(detail)]).clamp(min=TINY).log()
    return torch.cat([flat.mean(1), flat.std(1, correction=0), sharp])


def distances(x: Tensor, mean: Tensor, inverse: Tensor) -> Tensor:
    """[N, D] → [N]."""
    apart = x - mean
    return (apart @ inverse * apart).sum(1).clamp(min=0).sqrt()


def learned(train: Sequence[Tensor], held: Sequence[Tensor]) -> Familiar | None:
    """What images [C, H, W] are like, with the limit that held-out ones give; None of too few to say."""
    if len(train) < FEWEST or len(held) < FEWEST:
        return None
    x = torch.stack([measured(image) for image in train])
    mean = x.mean(0)
    covariance = (x - mean).T @ (x - mean) / (len(x) - 1)
    inverse = torch.linalg.inv(covariance + RIDGE * torch.eye(len(mean), dtype=x.dtype))
    far = distances(torch.stack([measured(image) for image in held]), mean, inverse)
    return Familiar(mean, inverse, float(far.quantile(SHARE)))


def read(written: object) -> Familiar | None:
    """What `Familiar.written` gave; None for anything else."""
    wanted = {"mean": list[float], "inverse": list[list[float]], "limit": float}
    if not isinstance(written, Mapping) or not all(fits(written.get(name), kind) for name, kind in wanted.items()):
        return None
    mean, rows = written["mean"], written["inverse"]
    if not mean or written["limit"] <= 0 or len(rows) != len(mean) or any(len(row) != len(mean) for row in rows):
        return None
    return Familiar(torch.tensor(mean, dtype=torch.float64), torch.tensor(rows, dtype=torch.float64), written["limit"])
