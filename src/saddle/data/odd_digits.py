"""Handwritten digits of which some are normal, and the others are what is to be found."""

from collections.abc import Iterable

import numpy as np

from ..base.errors import UsageError
from ..layers.simple_detectors import Detector, Nearest, Principal, area
from ..spec import DataSpec
from .anomalies import NORMAL, detected
from .baselines import Baseline
from .digits import NAMES, TRAINED, enlarged, labels, sides, small
from .options import AUGMENTATIONS, DataOptions
from .source import Source

FEW = 16  # principal directions of 64 pixels


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


def of_every_digit(only: bool) -> Iterable[Baseline]:
    """The mean, and the least, of the areas of the ten sources of this kind, of simple detectors at 8×8 pixels."""
    import torch

    images, known = torch.from_numpy(2 * small()[:, None] - 1), torch.from_numpy(labels())
    areas: dict[str, list[float]] = {}
    for name in NAMES:
        usual = torch.isin(known, torch.tensor(normal_digits(name, only)))
        normal, held, odd = images[:TRAINED][usual[:TRAINED]], images[TRAINED:], ~usual[TRAINED:]
        simple: dict[str, Detector] = {
            f"PCA-{FEW}": Principal(normal, FEW),
            "PCA-32": Principal(normal),
            "1-NN": Nearest(normal),
        }
        for what, detector in simple.items():
            areas.setdefault(what, []).append(area(detector(held)[0], odd))
    kind = "one digit is normal" if only else "one digit is unusual"
    for what, each in areas.items():
        says = f"{kind}, at 8×8 pixels: the mean of ten digits; the least is {min(each):.3f}"
        yield Baseline(f"{what}, every digit", says, sum(each) / len(each), "image AUROC")
