"""Structural similarity: are means, contrasts and structures of small windows alike? And the same over five scales.

Wang, Bovik, Sheikh, Simoncelli, 2004, https://doi.org/10.1109/TIP.2003.819861. Wang, Simoncelli, Bovik, 2003,
https://doi.org/10.1109/ACSSC.2003.1292216. Windows are Gaussians of 11 × 11 pixels and deviation 1.5, and only those
that lie whole in the image; variances are weighted ones. The mean is over windows, then channels, then images.
"""

from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from ..base.errors import UsageError
from .evidence import Either, Ingredient
from .metric import Compared, Metric
from .restored import judged
from .score import Fingerprint
from .tones import brightness, check_alike, levels, mean_inside, within, y
from .translated import PAIRS, Each, beside_truth, score_of

WINDOW, SIGMA = 11, 1.5
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the scales, from the finest
SETTINGS: Fingerprint = {"window": WINDOW, "sigma": SIGMA, "bits": 8}
SMALLEST = WINDOW * 2 ** (len(WEIGHTS) - 1)  # pixels, for all scales


def ssim(images: Tensor, truth: Tensor, inside: Tensor | None = None) -> Tensor:
    """Of every image [N, C, H, W] beside the true one, in [-1, 1], taken as 8-bit levels: [N], at most 1, float64.

    With a mask `inside` [N, 1, H, W], only windows count whose centre is 1 there; NaN where there is none. UsageError
    for images of other shapes, and for fewer than 11 pixels.
    """
    _check(images, truth, WINDOW, "structural similarity")
    whole, _ = _maps(levels(images), levels(truth))
    edge = WINDOW // 2
    return mean_inside(whole, None if inside is None else inside[..., edge:-edge, edge:-edge])


def ssim_y(images: Tensor, truth: Tensor, border: int = 0) -> Tensor:
    """SSIM [N] of Y (BT.601, not rounded), or of grey images as they are; images and truth are both [N, C, H, W].

    `border` pixels are left out at each edge. UsageError for images of other shapes or channels, and for fewer than 11
    pixels that are left.
    """
    check_alike(images, truth)
    a, b = (within(x, border) for x in (images, truth))
    _check(a, b, WINDOW, "structural similarity")
    if a.shape[1] == 1:
        return _maps(levels(a), levels(b))[0].flatten(1).mean(1)
    return _maps(y(levels(a)), y(levels(b)))[0].flatten(1).mean(1)


def scales_of(side: int) -> int:
    """How many scales, each of half the size, images of so many pixels have: five at most, none below 11 pixels."""
    return sum(side >= WINDOW * 2**scale for scale in range(len(WEIGHTS)))


def ms_ssim(images: Tensor, truth: Tensor, scales: int = len(WEIGHTS)) -> Tensor:
    """Likewise over five scales, each of half the size: [N]. UsageError for fewer than 176 pixels.

    Over fewer `scales`, their weights are enlarged to the same sum, and fewer pixels will do.

    Contrasts and structures of all scales, and means of the coarsest, multiplied with weights as exponents: of every
    channel, then the mean. What is below 0 counts as 0, for it has no such power.
    """
    _check(images, truth, WINDOW * 2 ** (scales - 1), f"similarity over {scales} scales")
    a, b = levels(images), levels(truth)
    product = torch.ones(a.shape[:2], dtype=a.dtype, device=a.device)
    share = sum(WEIGHTS) / sum(WEIGHTS[:scales])
    for scale, weight in enumerate(WEIGHTS[:scales]):
        whole, contrast = _maps(a, b)
        product *= (whole if scale == scales - 1 else contrast).mean((2, 3)).clamp(min=0) ** (share * weight)
        a, b = avg_pool2d(a, 2), avg_pool2d(b, 2)
    return product.mean(1)


def _check(images: Tensor, truth: Tensor, least: int, what: str) -> None:
    check_alike(images, truth)
    if min(images.shape[-2:]) < least:
        raise UsageError(
            f"{what} needs images of {least} pixels or more in height and width, and these have "
            f"{images.shape[-2]} × {images.shape[-1]}"
        )


def _maps(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """SSIM, and contrast and structure alone, of every window: [N, C, H - 10, W - 10] each."""
    mean_a, mean_b, aa, bb, ab = _blurred(torch.stack([a, b, a * a, b * b, a * b])).unbind()
    both = mean_a * mean_b
    squares = mean_a.square() + mean_b.square()
    contrast = (2 * (ab - both) + C2) / (aa + bb - squares + C2)
    return (2 * both + C1) / (squares + C1) * contrast, contrast


def _blurred(x: Tensor) -> Tensor:
    """[…, H, W] → the Gaussian mean of every whole window, […, H - 10, W - 10]."""
    return _band(x, x.shape[-2]).T @ (x @ _band(x, x.shape[-1]))


def _band(like: Tensor, size: int) -> Tensor:
    """Of `size` values, those of every window weighted: [size, size - 10]. As a product many times faster than sums."""
    at = torch.arange(WINDOW, dtype=like.dtype) - WINDOW // 2
    weights = torch.exp(-at.square() / (2 * SIGMA**2))
    band = like.new_zeros(size, size - WINDOW + 1)
    for i, weight in enumerate((weights / weights.sum()).tolist()):
        band.diagonal(-i).fill_(weight)
    return band


EACH = Each(
    "ssim_each",
    f"{PAIRS}, of {WINDOW} pixels or more",
    look=beside_truth(ssim),
    when=lambda way: way.compares and way.side >= WINDOW,
)
EACH_SCALE = Each(
    "ms_ssim_each",
    f"{PAIRS}, of {SMALLEST} pixels or more",
    look=beside_truth(lambda images, truth, inside: ms_ssim(images, truth)),
    when=lambda way: way.compares and way.side >= SMALLEST,
)

RESTORED_Y = judged(
    "ssim_y",
    f", in colour or grey, of {WINDOW} pixels or more without a border",
    lambda shape, times: partial(ssim_y, border=times),
    when=lambda shape, times: shape[0] in (1, 3) and min(shape[1:]) >= WINDOW + 2 * times,
    entries=lambda shape, times: SETTINGS | brightness(shape, times),
)
RESTORED_SCALES = judged(
    "ms_ssim",
    f", of {WINDOW} pixels or more",
    lambda shape, times: partial(ms_ssim, scales=scales_of(min(shape[1:]))),
    when=lambda shape, times: min(shape[1:]) >= WINDOW,
    entries=lambda shape, times: SETTINGS | {"scales": scales_of(min(shape[1:]))},
)
TRANSLATED_SCALES = Ingredient(
    "translated_ms_ssim",
    make=score_of(EACH_SCALE),
    needs=(EACH_SCALE,),
    entries=lambda value, e: SETTINGS | {"scales": len(WEIGHTS)},
)
MS_SSIM: Either[Compared] = Either(
    "ms_ssim", f"{RESTORED_SCALES.lacking}; or {EACH_SCALE.lacking}", of=(RESTORED_SCALES, TRANSLATED_SCALES)
)

METRICS = {
    "ssim": Metric(
        "structural similarity of translations and true images; 1 is identical",
        "higher",
        (EACH,),
        score_of(EACH),
        lambda e: SETTINGS,
    ),
    "ms_ssim": Metric(
        "the same over five scales, of images of 176 pixels or more; of restored ones over as many as they have",
        "higher",
        (MS_SSIM,),
        lambda e: e[MS_SSIM],
    ),
    "ssim_y": Metric(
        "structural similarity of the brightness of restored and true images, without a border",
        "higher",
        (RESTORED_Y,),
        lambda e: e[RESTORED_Y],
    ),
}
