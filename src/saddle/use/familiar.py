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
from torch.nn.functional import avg_pool2d

from ..base.plain import fits

SHARE = 0.99  # of the held-out images are nearer than the limit
FEWEST = 50  # images without which nothing is said
RIDGE = 1e-3  # added to variances: of images that are all alike none is infinitely far
TINY = 2 / 255  # what varies less counts as even: a step of 8 bits
BANDS = 4  # halvings of the size


@dataclass(frozen=True)
class Familiar:
    """What the images of one domain are like."""

    mean: Tensor  # [D] float64
    inverse: Tensor  # [D, D]: of the covariance
    limit: float

    def distance(self, image: Tensor) -> float:
        """Of an image [C, H, W] in [-1, 1], of any size, relative to the limit: above 1 it is unlike the others."""
        return float(distances(measured(image)[None], self.mean, self.inverse)) / self.limit

    def written(self) -> dict[str, Any]:
        return {"mean": self.mean.tolist(), "inverse": self.inverse.tolist(), "limit": self.limit}


def measured(image: Tensor) -> Tensor:
    """Features [F] of an image [C, H, W] in [-1, 1]: the mean of each channel, and logarithms of what varies.

    That is each channel, each channel less the mean of all, and of this mean what each halving of its size takes away.
    """
    x = image.double()
    grey = x.mean(0, keepdim=True)
    varied = [*x, *(x - grey)] if len(x) > 1 else [*x]
    for _ in range(BANDS):
        smaller = avg_pool2d(grey, 2, ceil_mode=True, count_include_pad=False)
        larger = smaller.repeat_interleave(2, 1).repeat_interleave(2, 2)[:, : grey.shape[1], : grey.shape[2]]
        varied.append(grey - larger)
        grey = smaller
    spread = torch.stack([each.std(correction=0) for each in varied])
    return torch.cat([x.flatten(1).mean(1), spread.clamp(min=TINY).log()])


def distances(x: Tensor, mean: Tensor, inverse: Tensor) -> Tensor:
    """Mahalanobis distances [N] of x [N, D] from a mean [D], by the inverse [D, D] of the covariance."""
    apart = x - mean
    return (apart @ inverse * apart).sum(1).clamp(min=0).sqrt()


def learned(train: Sequence[Tensor], held: Sequence[Tensor]) -> Familiar | None:
    """The distribution of features of images, each [C, H, W], with the limit from held-out ones; None of too few."""
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
