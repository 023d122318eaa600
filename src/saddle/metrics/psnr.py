"""How near do restored images come to the true ones? By the peak signal-to-noise ratio.

10 log₁₀(peak² / mean squared error) decibels of each image, as papers on super-resolution and denoising report it, here
over all its channels and pixels. Between values in [-1, 1] the peak is 2.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..base.errors import SaddleError, UsageError
from .blocks import double
from .brightness import check_alike, levels, mean_inside, y
from .evidence import Ingredient
from .metric import Estimate, Metric
from .reference import content_hash

PEAK = 2.0
LEAST = 1e-10  # mean squared error: an image that is exactly right has 106 decibels, so that means stay finite


@dataclass(frozen=True)
class Restored:
    """Held-out images, as they were and as a game restored them."""

    images: Tensor  # [N, C, H, W], about [-1, 1]
    truth: Tensor  # [N, C, H, W] in [-1, 1]


def psnr(images: Tensor, truth: Tensor) -> Tensor:
    """Decibels of every image [N, C, H, W] beside the true one [N, C, H, W] in [-1, 1]: float64 [N].

    Values outside of [-1, 1] are clamped, as saving the picture would. UsageError for images of other shapes.
    """
    if images.shape != truth.shape:
        raise UsageError(f"restored images are of shape {[*images.shape]} and the true ones {[*truth.shape]}")
    error = (double(images).clamp(-1, 1) - double(truth)).square().flatten(1).mean(1)
    return 10 * torch.log10(PEAK**2 / error.clamp(min=LEAST))


def saved_psnr(
    images: Tensor, truth: Tensor, luma: bool = False, border: int = 0, inside: Tensor | None = None
) -> Tensor:
    """Decibels of 8-bit pictures, as papers tell them: both in [-1, 1] are first rounded to 0 to 255. float64 [N].

    Identical pictures have inf. `luma`: of Y of BT.601 alone, not rounded, whose peak counts as 255 too. So many
    pixels of each `border` do not count. With a mask `inside` [N, 1, H, W], those alone count that are 1 there; NaN
    where there is none. UsageError for other shapes, for Y of other than three channels, and for a border without rest.
    """
    check_alike(images, truth)
    if border < 0 or 2 * border >= min(images.shape[-2:]):
        raise UsageError(
            f"a border of {border} pixels leaves nothing of images of {[*images.shape[-2:]]}, or is below 0"
        )
    a, b = levels(images), levels(truth)
    if luma:
        a, b = y(a), y(b)
    square = (a - b).square()
    if border:
        square = square[..., border:-border, border:-border]
        inside = None if inside is None else inside[..., border:-border, border:-border]
    return 10 * torch.log10(255**2 / mean_inside(square, inside))


def mean_psnr(restored: Restored) -> Estimate:
    """The mean over images, and its standard error."""
    each = psnr(restored.images, restored.truth)
    if not len(each):
        raise UsageError("no image was restored, so there is none to score")
    if not each.isfinite().all():
        raise SaddleError(f"{int((~each.isfinite()).sum())} of {len(each)} restored images are not finite")
    return float(each.mean()), float(each.std(correction=min(1, len(each) - 1))) / len(each) ** 0.5


RESTORED: Ingredient[Restored] = Ingredient(
    "restored",
    "a game that restores images, and held-out damaged images with the true ones",
    entries=lambda restored, _: {
        "reference_count": len(restored.truth),
        "reference_hash": content_hash([restored.truth]),
    },
)

METRICS = {
    "psnr": Metric(
        "decibels between restored held-out images and the true ones",
        "higher",
        (RESTORED,),
        lambda e: mean_psnr(e[RESTORED]),
        lambda e: {"peak": PEAK},
    )
}
