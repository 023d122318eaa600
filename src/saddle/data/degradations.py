"""How an image of which the small or damaged version is wanted is made small or damaged.

`bicubic` shrinks as MATLAB's imresize does, and `box` takes the mean of each square of pixels. `blur-down` blurs with a
Gaussian (deviation 1.6 pixels for ×3, in proportion for others) and keeps every n-th pixel. These three always do the
same. `real` does something else with every sample, as its random bits say.
"""

from functools import partial
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..layers.imresize import Kernel, imresized
from . import real
from .options import Degrade


class Degradation(Protocol):
    """Images [N, C, H, W] in [0, 1], `times` and random bits [N] → [N, C, H / times, W / times], about [0, 1]."""

    def __call__(self, images: Tensor, times: int, bits: NDArray[np.uint64]) -> Tensor: ...


def degraded(images: np.ndarray, name: Degrade, times: int, bits: NDArray[np.uint64]) -> np.ndarray:
    """Images [N, C, H, W] of 8 or 16 bits, `times` a divisor of their sides, in the same bits: [N, C, H / times, …].

    Each is a function of itself and of its own random bits.
    """
    top = np.iinfo(images.dtype).max
    whole = torch.from_numpy(images.astype(np.float64)) / top
    small = (DEGRADATIONS[name](whole, times, bits).clamp(0, 1) * top + 0.5).floor()  # halves go up, as in MATLAB
    return small.numpy().astype(images.dtype)


def _shrunk(kernel: Kernel, images: Tensor, times: int, bits: NDArray[np.uint64]) -> Tensor:
    return imresized(images, (images.shape[2] // times, images.shape[3] // times), kernel)


def _real(images: Tensor, times: int, bits: NDArray[np.uint64]) -> Tensor:
    pairs = zip(images.float(), bits, strict=True)
    return torch.stack([real.damaged(image, times, own) for image, own in pairs]).double()


DEGRADATIONS: dict[Degrade, Degradation] = {
    "bicubic": partial(_shrunk, "bicubic"),
    "box": partial(_shrunk, "box"),
    "blur-down": partial(_shrunk, "gaussian"),
    "real": _real,
}
