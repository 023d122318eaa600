"""Structural similarity: are means, contrasts and structures of small windows alike? And the same over five scales.

Wang, Bovik, Sheikh, Simoncelli, 2004, https://doi.org/10.1109/TIP.2003.819861. Wang, Simoncelli, Bovik, 2003,
https://doi.org/10.1109/ACSSC.2003.1292216. Windows are Gaussians of 11 × 11 pixels and deviation 1.5, and only those
that lie whole in the image; variances are weighted ones. The mean is over windows, then channels, then images.
"""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from ..base.errors import UsageError
from .metric import Metric
from .tones import check_alike, levels, mean_inside
from .translated import PAIRS, Each, beside_truth, score_of

WINDOW, SIGMA = 11, 1.5
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the scales, from the finest
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


def ms_ssim(images: Tensor, truth: Tensor) -> Tensor:
    """Likewise over five scales, each of half the size: [N]. UsageError for fewer than 176 pixels.

    Contrasts and structures of all scales, and means of the coarsest, multiplied with weights as exponents: of every
    channel, then the mean. What is below 0 counts as 0, for it has no such power.
    """
    _check(images, truth, SMALLEST, "similarity over five scales")
    a, b = levels(images), levels(truth)
    product = torch.ones(a.shape[:2], dtype=a.dtype, device=a.device)
    for scale, weight in enumerate(WEIGHTS):
        whole, contrast = _maps(a, b)
        last = scale == len(WEIGHTS) - 1
        product *= (whole if last else contrast).mean((2, 3)).clamp(min=0) ** weight
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

METRICS = {
    "ssim": Metric(
        "structural similarity of translations and true images; 1 is identical",
        "higher",
        (EACH,),
        score_of(EACH),
        lambda e: {"window": WINDOW, "sigma": SIGMA, "bits": 8},
    ),
    "ms_ssim": Metric(
        "the same over five scales, of images of 176 pixels or more",
        "higher",
        (EACH_SCALE,),
        score_of(EACH_SCALE),
        lambda e: {"window": WINDOW, "sigma": SIGMA, "bits": 8, "scales": len(WEIGHTS)},
    ),
}
