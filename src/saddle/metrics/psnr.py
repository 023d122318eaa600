"""How near do restored or translated images come to the true ones? By the peak signal-to-noise ratio.

10 log₁₀(peak² / mean squared error) decibels of each image, as papers on super-resolution and denoising report it. Of
restored images it is over all channels and pixels, of values in [-1, 1] as they are, whose peak is 2. Of translations
it is that of saved pictures: values are whole numbers from 0 to 255 first, and the peak is 255.
"""

from functools import partial

import torch
from torch import Tensor

from ..base.errors import UsageError
from .blocks import double
from .evidence import Either, Ingredient
from .metric import Compared, Estimate, Metric
from .restored import RESTORED, Restored, judged
from .score import Fingerprint
from .tones import brightness, check_alike, levels, mean_inside, within, y
from .translated import PAIRS, Each, beside_truth, score_of
from .uncertainty import mean_error

PEAK = 2.0
LEAST = 1e-10  # mean squared error: an image that is exactly right has 106 decibels, so that means stay finite
SAVED: Fingerprint = {"bits": 8, "border": 0}


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

    images and truth are both [N, C, H, W].
    """
    check_alike(images, truth)
    a, b = levels(images), levels(truth)
    if luma:
        a, b = y(a), y(b)
    square = within((a - b).square(), border)
    return 10 * torch.log10(255**2 / mean_inside(square, None if inside is None else within(inside, border)))


def mean_psnr(restored: Restored) -> Estimate:
    """The mean over images, and its standard error."""
    each = psnr(restored.images, restored.truth)
    return float(each.mean()), mean_error(each)


def _saved(luma: bool, images: Tensor, truth: Tensor, inside: Tensor | None) -> Tensor:
    return saved_psnr(images, truth, luma, inside=inside)


RESTORED_PSNR = judged("psnr", "", lambda shape, times: psnr, entries=lambda shape, times: {"peak": PEAK})
RESTORED_Y = judged(
    "psnr_y",
    ", in colour or grey",
    lambda shape, times: partial(saved_psnr, luma=shape[0] == 3, border=times),
    when=lambda shape, times: shape[0] in (1, 3) and min(shape[1:]) > 2 * times,
    entries=lambda shape, times: SAVED | brightness(shape, times),
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
TRANSLATED_Y = Ingredient(
    "translated_psnr_y",
    make=score_of(EACH_Y),
    needs=(EACH_Y,),
    entries=lambda value, e: SAVED | {"channel": "Y"},
)
PSNR: Either[Compared] = Either("psnr", f"{RESTORED.lacking}; or {PAIRS}", of=(RESTORED_PSNR, TRANSLATED_PSNR))
PSNR_Y: Either[Compared] = Either("psnr_y", f"{RESTORED_Y.lacking}; or {EACH_Y.lacking}", of=(RESTORED_Y, TRANSLATED_Y))

METRICS = {
    "psnr": Metric(
        "decibels between restored or translated held-out images and the true ones",
        "higher",
        (PSNR,),
        lambda e: e[PSNR],
    ),
    "psnr_y": Metric(
        "the same of 8-bit pictures' brightness alone, the Y of BT.601; of restored ones without a border",
        "higher",
        (PSNR_Y,),
        lambda e: e[PSNR_Y],
    ),
}
