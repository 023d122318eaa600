"""Handwritten digits of which some are normal, and the others are what is to be found."""

import numpy as np
from numpy.typing import NDArray

from ..base.errors import UsageError
from ..spec import DataSpec
from .anomalies import NORMAL, detected
from .digits import NAMES, TRAINED, enlarged, labels, sides
from .options import AUGMENTATIONS, DataOptions
from .source import Source


def opened(options: DataOptions, path: str, only: bool) -> Source:
    """Key image: the 1,300 digits to train on, as far as they are normal; and all 497 that are held out.

    Normal is the digit `path` alone (`only`), or every other one.
    """
    spec, normal = plain(options, path), normal_digits(path, only)
    known = labels()
    odd = [int(name) for name in NAMES if int(name) not in normal]
    defect = np.zeros(len(NAMES), np.int64)
    defect[odd] = 1 + np.arange(len(odd))
    images = enlarged(options)[0]
    train = images[:TRAINED][np.isin(known[:TRAINED], normal)]
    names = (NORMAL, *(NAMES[digit] for digit in odd))
    return detected(options.source, spec, train, images[TRAINED:], defect[known[TRAINED:]], names)


def plain(options: DataOptions, path: str) -> DataSpec:
    """Grey images, 32 × 32 pixels by default."""
    options.allow("size", *AUGMENTATIONS)
    normal_digits(path, True)
    return DataSpec.of((1, *sides(options)))


def normal_digits(path: str, only: bool) -> list[int]:
    """The digits that are normal. UsageError for what is no digit."""
    if path not in NAMES:
        raise UsageError(f"this source takes one of the digits 0 to 9 after its colon, such as 3, not {path!r}")
    return [int(name) for name in NAMES if (name == path) == only]


def split_of(normal: list[int]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which of the 1,300 are normal, and which of the 497 are not."""
    known = labels()
    return np.isin(known[:TRAINED], normal), ~np.isin(known[TRAINED:], normal)
