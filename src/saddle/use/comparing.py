"""A result beside the true image: by how much do they differ, and where?"""

import numpy as np
import torch
from torch import Tensor

from ..base.errors import UsageError
from ..data.picture import with_channels
from ..metrics.l1 import l1
from ..metrics.psnr import saved_psnr
from ..metrics.ssim import WINDOW, ssim, ssim_y

STRETCH = 4  # of an error map: white is a difference of a quarter of the range, or more


Limits = tuple[float, float] | None  # what black and white are among the numbers; None: all that they can hold


def compare(
    pixels: np.ndarray,
    truth: np.ndarray,
    inside: np.ndarray | None = None,
    limits: Limits = None,
    border: int | None = None,
) -> dict[str, float]:
    """Scores of a result [H, W, C] beside the true image; `inside` bool [H, W]: over these pixels alone.

    psnr in decibels of 8-bit pictures between the limits, inf for identical ones; ssim, NaN below 11 pixels; l1 as
    a share of the range. With a `border`, psnr_y and ssim_y too: of brightness, without so many pixels of each side, as
    papers on super-resolution have them, and NaN where nothing is left or an image is neither grey nor colour. Of
    classes, int64 [H, W, 1], the share of pixels that are right. UsageError for images of other sizes.
    """
    if pixels.shape[:2] != truth.shape[:2]:
        sizes = (f"{height}×{width}" for height, width in (pixels.shape[:2], truth.shape[:2]))
        raise UsageError("the result has {} pixels (height × width), and its truth {}".format(*sizes))
    if pixels.dtype == np.int64:
        right = (pixels == truth)[..., 0]
        return {"accuracy": float(right.mean() if inside is None else right[inside].mean())}
    a, b = as_numbers(pixels, limits), as_numbers(with_channels(truth, pixels.shape[2]), limits)
    where = None if inside is None else torch.from_numpy(inside)[None, None].double()
    small = min(pixels.shape[:2]) < WINDOW
    return {
        **({} if border is None else of_brightness(a, b, border)),
        "psnr": float(saved_psnr(a, b, inside=where)),
        "ssim": float("nan") if small else float(ssim(a, b, inside=where)),
        "l1": float(l1(a, b, inside=where)),
    }


def of_brightness(a: Tensor, b: Tensor, border: int) -> dict[str, float]:
    """psnr_y and ssim_y of one image a and the true one b, both [1, C, H, W] in [-1, 1]."""
    left = min(a.shape[2:]) - 2 * border if a.shape[1] in (1, 3) else 0
    return {
        "psnr_y": float(saved_psnr(a, b, luma=a.shape[1] == 3, border=border)) if left > 0 else float("nan"),
        "ssim_y": float(ssim_y(a, b, border)) if left >= WINDOW else float("nan"),
    }


def error_map(pixels: np.ndarray, truth: np.ndarray, limits: Limits = None) -> np.ndarray:
    """Where a result [H, W, C] differs from the true image: uint8 [H, W, 1], black for 0, white for a quarter."""
    if pixels.dtype == np.int64:
        return ((pixels != truth) * 255).astype(np.uint8)
    a, b = as_numbers(pixels, limits), as_numbers(with_channels(truth, pixels.shape[2]), limits)
    apart = (a - b).abs().mean(1)[0] / 2
    return (apart * STRETCH).clamp(max=1).mul(255).round().to(torch.uint8)[..., None].numpy()


def as_numbers(pixels: np.ndarray, limits: Limits = None) -> Tensor:
    """uint8 or uint16 [H, W, C] as float64 [1, C, H, W]; -1 and 1 are the limits, and what lies beyond is clipped."""
    low, high = limits or (0.0, float(np.iinfo(pixels.dtype).max))
    x = torch.from_numpy(np.moveaxis(pixels, 2, 0).astype(np.float64))[None]
    return ((x - low) / (high - low) * 2 - 1).clamp(-1, 1)
