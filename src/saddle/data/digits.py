"""scikit-learn's handwritten digits, from which several sources are made."""

import numpy as np
from numpy.typing import NDArray

from .options import DataOptions

TRAINED = 1300  # the rest, 497, are held out: so the digits are split everywhere
SIZE = 32  # pixels, unless asked otherwise
NAMES = tuple("0123456789")


def enlarged(options: DataOptions) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """All 1,797 digits: uint8 [N, 1, H, W] of the asked size, white on black, and their labels [N]."""
    from sklearn.datasets import load_digits  # takes a second or two, and no other source needs it

    data = load_digits()
    height, width = options.sides or (SIZE, SIZE)
    large = _bilinear(8, height) @ data.images @ _bilinear(8, width).T  # 0 … 16
    return np.rint(large * (255 / 16)).astype(np.uint8)[:, None], data.target.astype(np.int64)


def _bilinear(n: int, size: int) -> NDArray[np.float64]:
    """Weights [size, n] that resize a line of n pixels, their centres aligned; antialiased where it shrinks."""
    scale = n / size
    centres = (np.arange(size) + 0.5) * scale - 0.5
    weights = np.maximum(0, 1 - np.abs(centres[:, None] - np.arange(n)) / max(scale, 1))
    return weights / weights.sum(1, keepdims=True)
