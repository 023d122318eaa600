"""scikit-learn's handwritten digits, from which several sources are made."""

import gzip
import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ..base.memory import check_fits
from .carried import carried
from .options import DataOptions

TRAINED = 1300  # the rest, 497, are held out: so the digits are split everywhere
SIZE = 32  # pixels, unless asked otherwise
NAMES = tuple("0123456789")
_BLOCK = 2**22  # pixels that are enlarged at a time


def enlarged(options: DataOptions, copies: int = 1) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """All 1,797 digits: uint8 [N, 1, H, W] of the asked size, white on black, and their labels [N].

    SaddleError if so many copies of them do not fit into memory.
    """
    return enlarge(small(), options, copies), labels()


def enlarge(small: NDArray[np.float64], options: DataOptions, copies: int = 1, size: int = SIZE) -> NDArray[np.uint8]:
    """Images [N, h, w] in [0, 1] of the asked size, or else of this one: uint8 [N, 1, H, W].

    SaddleError if so many copies of them do not fit into memory.
    """
    height, width = sides(options, size)
    check_fits(copies * len(small) * height * width, f"the {len(small):,} digits of {height}×{width} pixels")
    images = np.empty((len(small), 1, height, width), np.uint8)
    rows = max(_BLOCK // (height * width), 1)
    for start in range(0, len(small), rows):
        part = slice(start, start + rows)
        large = bilinear(small.shape[1], height) @ (16 * small[part]) @ bilinear(small.shape[2], width).T
        images[part, 0] = np.rint(large * (255 / 16))
    return images


def small() -> NDArray[np.float64]:
    """All digits as they are, [N, 8, 8] in [0, 1], white on black."""
    return _known()[0] / 16


def labels() -> NDArray[np.int64]:
    """Which digit each of them is, [N]."""
    return _known()[1].copy()


def sides(options: DataOptions, size: int = SIZE) -> tuple[int, ...]:
    """Height and width of the digits."""
    return options.sides or (size, size)


def chances(*shape: int) -> NDArray[np.float64]:
    """Always the same random numbers in [0, 1): those of np.random.default_rng(0).random.

    From raw bits, because numpy promises these for ever.
    """
    bits = np.random.PCG64(0).random_raw(math.prod(shape))
    return ((bits >> np.uint64(11)) / 2.0**53).reshape(shape)


@cache
def _known() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    with gzip.open(carried("data", "digits.csv.gz"), "rt", encoding="ascii") as text:
        table = np.loadtxt(text, delimiter=",")  # a row has 64 numbers from 0 to 16 and the digit
    return table[:, :-1].reshape(-1, 8, 8), table[:, -1].astype(np.int64)


def bilinear(n: int, size: int) -> NDArray[np.float64]:
    """Weights [size, n] that resize a line of n pixels, their centres aligned; antialiased where it shrinks."""
    scale = n / size
    centres = (np.arange(size) + 0.5) * scale - 0.5
    weights = np.maximum(0, 1 - np.abs(centres[:, None] - np.arange(n)) / max(scale, 1))
    return weights / weights.sum(1, keepdims=True)
