"""Images in another size by weighted means of rows and of columns, as MATLAB's `imresize` has it.

Where an image shrinks, the kernel is as many times as wide (antialiasing). Beyond the borders the image is mirrored,
its outermost pixels twice (symmetric). Weights add up to 1.
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor

Kernel = Literal["bicubic", "box", "gaussian"]
SIGMA = 1.6 / 3  # pixels of the small image: 1.6 of the large one at a third of the size, as papers blur for ×3
_TOGETHER = 64  # values that are made in one product
_BARELY = 1e-9  # what rounding adds to a distance


def imresized(x: Tensor, size: Sequence[int], kernel: Kernel = "bicubic") -> Tensor:
    """Floats [N, C, H, W] of the asked (height, width), of any range.

    `bicubic` is Keys' cubic with a = -1/2, `box` the mean of an area, `gaussian` a Gaussian of deviation 0.53 pixels of
    the small image, cut off at 1 pixel of it. The result of `bicubic` may lie beyond the range of what is given.

    [N, C, H, W] → [N, C, *size]
    """
    return _along(_along(x, size[1], kernel).mT, size[0], kernel).mT


def _along(x: Tensor, want: int, kernel: Kernel) -> Tensor:
    """[…, W] → […, want]"""
    return torch.cat([x[..., at] @ weights.to(x) for at, weights in bands(x.shape[-1], want, kernel)], -1)


@lru_cache(maxsize=64)
def bands(have: int, want: int, kernel: Kernel) -> tuple[tuple[slice, Tensor], ...]:
    """Of some of the `want` values after the other what they are made of, and the weights, float64 [old, new]."""
    weights, places = _taps(have, want, kernel)
    found = []
    for some, at in zip(weights.split(_TOGETHER), places.split(_TOGETHER), strict=True):
        first, last = int(at.min()), int(at.max())
        band = weights.new_zeros(len(some), last + 1 - first).scatter_add_(1, at - first, some)
        found.append((slice(first, last + 1), band.T.contiguous()))
    return tuple(found)


def _taps(have: int, want: int, kernel: Kernel) -> tuple[Tensor, Tensor]:
    """Of each of `want` values the weights of what it is made of, float64 [want, K], and their places, int64."""
    wide = max(1.0, have / want)  # how many times as wide as the kernel on its own
    weigh, reach = _KERNELS[kernel]
    centre = (torch.arange(want, dtype=torch.float64) + 0.5) * have / want - 0.5
    first = (centre - reach * wide).floor().long()
    places = first[:, None] + torch.arange(math.ceil(2 * reach * wide) + 2)
    weights = weigh((places - centre[:, None]) / wide)
    places = places.remainder(2 * have)
    return weights / weights.sum(1, keepdim=True), torch.where(places < have, places, 2 * have - 1 - places)


def _cubic(x: Tensor) -> Tensor:
    """Keys, 1981, with a = -1/2."""
    x = x.abs()
    near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return torch.where(x <= 1, near, torch.where(x < 2, far, 0.0))


def _box(x: Tensor) -> Tensor:
    return (x.abs() < 0.5 + _BARELY).double()


def _gaussian(x: Tensor) -> Tensor:
    return torch.where(x.abs() <= 1 + _BARELY, torch.exp(-(x**2) / (2 * SIGMA**2)), 0.0)


# What a value at this distance weighs, and from where on it weighs nothing.
_KERNELS: dict[Kernel, tuple[Callable[[Tensor], Tensor], float]] = {
    "bicubic": (_cubic, 2.0),
    "box": (_box, 0.5),
    "gaussian": (_gaussian, 1.0),
}
