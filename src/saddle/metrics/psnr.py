"""How near do restored or translated images come to the true ones? By the peak signal-to-noise ratio.

10 log₁₀(peak² / mean squared error) decibels of each image, as papers on super-resolution and denoising report it. Of
restored images it is over all channels and pixels, of values in [-1, 1] as they are, whose peak is 2. Of translations
it is that of saved pictures: values are whole numbers from 0 to 255 first, and the peak is 255.
"""

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ..base.errors import SaddleError, UsageError
from .blocks import double
from .evidence import Either, Ingredient
from .metric import Compared, Estimate, Metric
from .reference import content_hash
from .score import Fingerprint
from .tones import check_alike, levels, mean_inside, y
from .translated import PAIRS, Each, beside_truth, score_of
from .uncertainty import mean_error

PEAK = 2.0
LEAST = 1e-10  # mean squared error: an image that is exactly right has 106 decibels, so that means stay finite
SAVED: Fingerprint = {"bits": 8, "border": 0}


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
    return float(each.mean()), mean_error(each)


def _saved(luma: bool, images: Tensor, truth: Tensor, inside: Tensor | None) -> Tensor:
    return saved_psnr(images, truth, luma, inside=inside)


RESTORED: Ingredient[Restored] = Ingredient(
    "restored",
    "a game that restores images, and held-out damaged images with the true ones",
    entries=lambda restored, _: {
        "reference_count": len(restored.truth),
        "reference_hash": content_hash([restored.truth]),
    },
)

RESTORED_PSNR = Ingredient(
    "restored_psnr",
    RESTORED.lacking,
    make=lambda e: Compared(*mean_psnr(e[RESTORED])),
    needs=(RESTORED,),
    entries=lambda value, e: {"peak": PEAK},
)
EACH = Each("psnr_each", PAIRS, look=beside_truth(partial(_saved, False)), when=lambda way: way.compares)
EACH_Y = Each(
    "psnr_y_each",
    f"{PAIRS}, in colour",
    look=beside_truth(partial(_saved, True)),
    when=lambda way: way.compares and way.shape[0] == 3,
)
TRANSLATED_PSNR = Ingredient(
    "translated_psnr",
    make=score_of(EACH),
    needs=(EACH,),
    entries=lambda value, e: SAVED | {"channel": "all"},
)
PSNR: Either[Compared] = Either("psnr", f"{RESTORED.lacking}; or {PAIRS}", of=(RESTORED_PSNR, TRANSLATED_PSNR))

METRICS = {
    "psnr": Metric(
        "decibels between restored or translated held-out images and the true ones",
        "higher",
        (PSNR,),
        lambda e: e[PSNR],
    ),
    "psnr_y": Metric(
        "the same of translations' brightness alone, the Y of BT.601",
        "higher",
        (EACH_Y,),
        score_of(EACH_Y),
        lambda e: SAVED | {"channel": "Y"},
    ),
}
