"""Images of another size."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn.functional import interpolate


def resized(x: Tensor, size: Sequence[int]) -> Tensor:
    """Images [N, C, H, W] → [N, C, *size], size = (height, width): bicubic, with antialiasing where it shrinks."""
    if x.shape[2:] == tuple(size):
        return x
    return interpolate(x, size=tuple(size), mode="bicubic", align_corners=False, antialias=True)


def halved(x: Tensor) -> Tensor:
    """d(·) of a pyramid: half the height and width, each pixel a mean that keeps constants.

    [N, C, H, W] → [N, C, H / 2, W / 2]
    """
    return interpolate(x, scale_factor=0.5, mode="bilinear", align_corners=False, antialias=True)


def doubled(x: Tensor) -> Tensor:
    """u(·), the other half of the pair: twice the height and width, on the same grid of pixel centres.

    [N, C, H, W] → [N, C, 2 H, 2 W]
    """
    return interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
