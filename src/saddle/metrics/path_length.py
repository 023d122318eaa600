"""Perceptual path length: by how much an image changes as its latent takes a small step. Karras, Laine, Aila, 2019,
Section 4.1. https://arxiv.org/abs/1812.04948

Between two latents a point t is drawn, and two images are made, at t and at t + ε. Their distance, over ε², is the
length of the path there; the score is its mean over pairs of latents, without the least and the greatest hundredth, as
the authors' code has it. Ways lead straight from style to style, and along the great circle from noise to noise. Whole
paths have t from 0 to 1; of `ends` t is 0, so that no point is looked at that would never be drawn (StyleGAN2's choice,
2020, https://arxiv.org/abs/1912.04958). Nothing is cropped.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from ..base.errors import SaddleError
from .blocks import double
from .evidence import Either, Evidence, Ingredient
from .features import Extractor
from .ingredients import EXTRACTOR
from .lpips import LPIPS, Lpips
from .metric import Estimate, Metric
from .score import Fingerprint

EPSILON = 1e-4
LEFT_OUT = 0.01  # of the lengths, on either side
LARGEST = 256  # pixels of a side that are looked at: larger images become means of pixels

Pairs = Iterator[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Paths:
    """Ways between the latents of a game."""

    space: str  # w, styles; z, noise
    images: Callable[[int, bool, float], Pairs]  # of n ways, whole or at their ends, images [k, C, H, W] ε apart


def steps(
    decode: Callable[[Tensor], Tensor],
    a: Tensor,
    b: Tensor,
    t: Tensor,
    between: Callable[[Tensor, Tensor, Tensor], Tensor] = torch.lerp,
    epsilon: float = EPSILON,
) -> tuple[Tensor, Tensor]:
    """The images [N, C, H, W] that `decode` draws between latents a and b, both [N, …]: at t [N, 1, …] and at t + ε.

    Both results are [N, C, H, W].
    """
    return decode(between(a, b, t)), decode(between(a, b, t + epsilon))


def lengths(before: Tensor, after: Tensor, distance: Lpips | Extractor, epsilon: float = EPSILON) -> Tensor:
    """The distance over ε², float64 [N], of images, both [N, C, H, W] in [-1, 1], whose latents are ε apart.

    The distance is LPIPS, or that of an extractor's features, squared.
    """
    a, b = (_smaller(x.float().clamp(-1, 1)) for x in (before, after))
    if isinstance(distance, Lpips):
        return double(distance(a, b)) / epsilon**2
    x, y = (double(distance(images).features) for images in (a, b))
    return (x - y).square().sum(1) / epsilon**2


def path_length(each: Tensor) -> Estimate:
    """Mean of lengths [N] without the least and the greatest hundredth, and its standard error.

    That is the error of a trimmed mean (Tukey and McLaughlin, 1963), from the lengths with what is left out brought to
    the limits. SaddleError where a length is not finite.
    """
    if not each.isfinite().all():
        raise SaddleError(f"{int((~each.isfinite()).sum())} of {len(each)} path lengths are not finite")
    low = torch.quantile(each, LEFT_OUT, interpolation="lower")
    high = torch.quantile(each, 1 - LEFT_OUT, interpolation="higher")
    kept = each[(each >= low) & (each <= high)]
    spread = each.clamp(low, high).std() / len(each) ** 0.5 * len(each) / len(kept) if len(each) > 1 else torch.nan
    return float(kept.mean()), float(spread)


def _smaller(images: Tensor) -> Tensor:
    factor = min(images.shape[-2:]) // LARGEST
    return avg_pool2d(images, factor) if factor > 1 else images


def _path_length(whole: bool) -> Callable[[Evidence], Estimate]:
    def measure(evidence: Evidence) -> Estimate:
        paths, distance = evidence[PATHS], evidence[DISTANCE]
        return path_length(torch.cat([lengths(*pair, distance) for pair in paths.images(evidence.n, whole, EPSILON)]))

    return measure


def _settings(evidence: Evidence) -> Fingerprint:
    return {"paths": evidence.n, "epsilon": EPSILON}


PATHS: Ingredient[Paths] = Ingredient(
    "paths", "a game that draws images from latents", entries=lambda paths, _: {"space": paths.space}
)
DISTANCE: Either[Any] = Either(
    "path_distance",
    "LPIPS's two weight files (--weights, twice), or else an extractor (--extractor pixels)",
    of=(LPIPS, EXTRACTOR),
)

METRICS = {
    "ppl": Metric(
        "perceptual path length: how far images move as their latent does, along whole paths",
        "lower",
        (PATHS, DISTANCE),
        _path_length(True),
        _settings,
        chooses=False,  # a game that draws one image has none
    ),
    "ppl_end": Metric(
        "the same at the ends of paths alone, which are latents as they are drawn",
        "lower",
        (PATHS, DISTANCE),
        _path_length(False),
        _settings,
        chooses=False,
    ),
}
