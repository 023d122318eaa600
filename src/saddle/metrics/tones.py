"""Images as saved pictures hold them: whole levels from 0 to 255, grey, and the Y of video."""

import torch
from torch import Tensor

from ..base.errors import UsageError
from .blocks import double
from .score import Fingerprint

GREY = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601
_Y = (65.481 / 255, 128.553 / 255, 24.966 / 255)


def levels(images: Tensor) -> Tensor:
    """Values in [-1, 1] → those of a saved picture: float64, whole, 0 to 255; what lies outside is clipped.

    Any shape → same shape
    """
    return ((double(images).clamp(-1, 1) + 1) * 127.5).round()


def grey(images: Tensor) -> Tensor:
    """[N, C, H, W] → [N, 1, H, W]: of three channels by `GREY`, of others their mean."""
    if images.shape[1] != 3:
        return images.mean(1, keepdim=True)
    return (images * images.new_tensor(GREY).view(3, 1, 1)).sum(1, keepdim=True)


def y(images: Tensor) -> Tensor:
    """Levels [N, 3, H, W] of 0 to 255 → Y of BT.601 as MATLAB's `rgb2ycbcr` has it, 16 to 235, but not rounded.

    [N, 1, H, W]. UsageError for images of other than three channels.
    """
    if images.shape[1] != 3:
        raise UsageError(f"Y is of colour images, and these have {images.shape[1]} channels")
    return 16 + (images * images.new_tensor(_Y).view(3, 1, 1)).sum(1, keepdim=True)


def brightness(shape: tuple[int, int, int], border: int) -> Fingerprint:
    """What a fingerprint says of a measure of Y, or of grey images as they are, without a border of so many pixels."""
    return {"channel": "Y" if shape[0] == 3 else "grey", "border": border}


def within(x: Tensor, border: int) -> Tensor:
    """[…, H, W] without so many pixels of each border. UsageError where nothing is left.  Returns [N, 1, h, w]."""
    if border < 0 or 2 * border >= min(x.shape[-2:]):
        raise UsageError(f"a border of {border} pixels leaves nothing of images of {[*x.shape[-2:]]}, or is below 0")
    return x[..., border : x.shape[-2] - border, border : x.shape[-1] - border]


def check_alike(images: Tensor, truth: Tensor) -> None:
    """UsageError unless both are [N, C, H, W] of one shape."""
    if images.shape != truth.shape or images.ndim != 4:
        raise UsageError(
            f"images are of shape {[*images.shape]} and the true ones {[*truth.shape]}; they must be alike"
        )


def mean_inside(values: Tensor, inside: Tensor | None) -> Tensor:
    """The mean of [N, C, H, W] over channels and pixels, of those alone where `inside` [N, 1, H, W] is 1: [N].

    NaN of an image without such a pixel.
    """
    if inside is None:
        return values.flatten(1).mean(1)
    where = inside.to(values).expand_as(values).flatten(1)
    return torch.where(where > 0, values.flatten(1), 0).sum(1) / where.sum(1)
