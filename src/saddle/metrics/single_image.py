"""Scores of a game that learns one image: does it know the image, does it draw others, are they made of its patches?

Intensities and the normalised deviation as in Shaham et al., 2019, Section 3. https://arxiv.org/abs/1905.01164
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import unfold

from .blocks import nearest
from .evidence import Ingredient
from .metric import Estimate, Metric
from .reference import content_hash
from .score import Fingerprint
from .uncertainty import groups, jackknife

PATCH, STRIDE, LOOKED_AT = 7, 4, 16  # pixels of a patch, from one to the next, and images whose patches are compared


@dataclass(frozen=True)
class OneImage:
    """What the scores look at: images float [N, C, H, W] in [-1, 1], all of one size."""

    real: Tensor  # [1, C, H, W]
    reconstruction: Tensor  # [1, C, H, W]
    samples: Tensor  # drawn from the coarsest scale
    finer: Tensor  # drawn from the scale after it
    other: Tensor  # [1, C, H, W], of another photograph


def reconstruction_psnr(one: OneImage) -> Estimate:
    """Decibels: 10 log₁₀(2² / mean squared error)."""
    error = (one.reconstruction.clamp(-1, 1) - one.real).double().square().mean()
    return float(10 * torch.log10(4 / error)), 0.0


def diversity(samples: Tensor, real: Tensor) -> Estimate:
    """Standard deviation of each pixel's intensity over the samples, its mean relative to the image's own deviation.

    samples [N, C, H, W], real [1, C, H, W]
    """
    pixels = samples.clamp(-1, 1).double().mean(1)  # [N, H, W]
    scale = real.double().mean(1).std()

    def of(part: Tensor) -> float:
        return float(part.std(0, correction=0).mean() / scale)

    every = torch.arange(len(pixels), device=pixels.device)
    without = [of(pixels[~torch.isin(every, group)]) for group in groups(len(pixels), pixels.device)]
    return of(pixels), jackknife(without)


def patch_distance(one: OneImage) -> Estimate:
    """Mean distance from the samples' patches of 7 × 7 to the image's nearest, relative to another photograph's."""
    real = _patches(one.real, 1)
    yardstick = float(nearest(_patches(one.other, STRIDE), real).mean())
    samples = one.samples[:LOOKED_AT].clamp(-1, 1)
    each = torch.stack([nearest(_patches(x[None], STRIDE), real).mean() for x in samples])
    return float(each.mean()) / yardstick, float(each.std()) / len(each) ** 0.5 / yardstick


def _patches(image: Tensor, stride: int) -> Tensor:
    """[1, C, H, W] → all its patches [P, C · 49]."""
    return unfold(image, PATCH, stride=stride)[0].T


def _entries(one: OneImage) -> Fingerprint:
    entries: Fingerprint = {"image_hash": content_hash([one.real]), "samples": len(one.samples)}
    return entries | {"other_hash": content_hash([one.other])}


SINGLE: Ingredient[OneImage] = Ingredient(
    "single", "a game that learned one image, such as singan", entries=lambda one, _: _entries(one)
)

METRICS = {
    "reconstruction_psnr": Metric(
        "decibels by which the one image that was learned comes back",
        "higher",
        (SINGLE,),
        lambda e: reconstruction_psnr(e[SINGLE]),
    ),
    "diversity": Metric(
        "deviation of a pixel over the samples, relative to the learned image's own",
        "higher",
        (SINGLE,),
        lambda e: diversity(e[SINGLE].samples, e[SINGLE].real),
    ),
    "diversity_finer": Metric(
        "the same where the coarsest scale is the learned image's",
        "lower",
        (SINGLE,),
        lambda e: diversity(e[SINGLE].finer, e[SINGLE].real),
    ),
    "patch_distance": Metric(
        "samples' 7×7 patches to the learned image's nearest, relative to another photograph's",
        "lower",
        (SINGLE,),
        lambda e: patch_distance(e[SINGLE]),
    ),
}
