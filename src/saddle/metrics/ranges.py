"""Images are floats in [-1, 1]. What lies elsewhere is refused, for its score would be one of other pictures."""

import math
from collections.abc import Iterable
from typing import Any

from torch import Tensor

from ..base.errors import UsageError

SLACK = 1e-3  # that rounding may add
DARK = 0.1  # up to which images of [0, 1] come down, and bright ones of [-1, 1] need not


def checked(images: Tensor, whose: str = "the images") -> Tensor:
    """Images [N, C, H, W], points or signals, as they are. UsageError for images with values outside of [-1, 1].

    Any shape → same shape
    """
    if images.ndim != 4 or not len(images):
        return images
    if not images.is_floating_point():
        raise UsageError(f"{whose} are floats in [-1, 1], not {images.dtype}: divide by 127.5, subtract 1")
    least, greatest = (float(x) for x in images.detach().aminmax())
    if max(-least, greatest) > 1 + SLACK and math.isfinite(least + greatest):
        raise UsageError(
            f"{whose} hold values from {least:.4g} to {greatest:.4g}, and images lie in [-1, 1]; bring them there "
            "(levels of 8 bits: divide by 127.5, subtract 1), and cut off what is left outside, as saving does"
        )
    return images


def shown(images: Tensor) -> Tensor:
    """Images as saving them would show them, float in [-1, 1]; points, signals and what is not finite as they are.

    Any shape → same shape
    """
    x = images.float()
    return x.clamp(-1, 1).where(x.isfinite(), x) if x.ndim == 4 else x


def check_alike(samples: tuple[float, float], real: Any) -> None:
    """UsageError where samples, from the one value to the other, or else the real images seem to be of [0, 1].

    They never fall below 0 but come near it, where the others do fall below. Equal values tell nothing, and of real
    images that cannot be read twice nothing is found out.
    """
    whole = span(real)
    if whole is None:
        return
    ways = (samples, "samples", whole, "references"), (whole, "references", samples, "samples")
    for own, name, other, their in ways:
        if other[0] < 0 <= own[0] < min(DARK, own[1]):
            raise UsageError(
                f"the {name} lie between {own[0]:.4g} and {own[1]:.4g} and never fall below 0, where the {their} go "
                f"down to {other[0]:.4g}: are they of [0, 1]? Images lie in [-1, 1]: multiply by 2, subtract 1"
            )


def span(images: Tensor | Iterable[Tensor] | Any) -> tuple[float, float] | None:
    """The least and the greatest value of real images, at once or in chunks; None where nobody may look at them.

    images [N, …], or chunks of it
    """
    if isinstance(images, Tensor):
        images = [images]
    if not isinstance(images, Iterable) or iter(images) is images:
        return None
    chunks = (checked(chunk, "the references") for chunk in images if chunk.ndim == 4 and len(chunk))
    ends = [tuple(map(float, chunk.aminmax())) for chunk in chunks]
    return (min(least for least, _ in ends), max(greatest for _, greatest in ends)) if ends else None
