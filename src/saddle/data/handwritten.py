"""Sources of handwritten digits with their labels, whoever wrote them."""

import numpy as np
from numpy.typing import NDArray

from ..base.errors import UsageError
from ..spec import DataSpec
from .digits import NAMES, SIZE, enlarge, sides
from .fingerprint import fingerprint, picked
from .labels import learned
from .options import AUGMENTATIONS, DataOptions
from .source import Judged, Source, Split


def opened(
    options: DataOptions,
    small: NDArray[np.float64],
    known: NDArray[np.int64],
    trained: int,
    judged: Judged,
    size: int = SIZE,
) -> Source:
    """Keys image and label, of the asked size or else of this one, of images [N, h, w] in [0, 1] and labels [N].

    The first `trained` are for training, the others are held out.
    """
    spec, labels, taken = described(options, known, trained, size)
    images = enlarge(small, options, 4 if spec.shape[0] == 3 else 1, size)
    images = images if len(taken) == len(images) else images[taken]
    images = np.repeat(images, 3, axis=1) if spec.shape[0] == 3 else images
    n = int((taken < trained).sum())
    train = Split({"image": images[:n], "label": labels[:n]})
    heldout = Split({"image": images[n:], "label": labels[n:]}) if n < len(images) else None
    return Source(options.source, spec, train, heldout, fingerprint(images, labels, n), judged=judged)


def described(
    options: DataOptions, known: NDArray[np.int64], trained: int, size: int = SIZE
) -> tuple[DataSpec, np.ndarray, np.ndarray]:
    """The spec, the labels that are known, and which of the digits are taken."""
    options.allow("size", "channels", *AUGMENTATIONS, "labelled", "labelled_share", "limit")
    channels = options.channels_of() or 1
    if channels not in (1, 3):
        raise UsageError(f"data.channels is {channels}; digits are grey (1) or grey thrice (3)")
    taken = picked([b"%d" % i for i in range(len(known))], options.limit)
    spec = DataSpec.of((channels, *sides(options, size)), ("image", "label"), NAMES)
    return *learned(spec, known[taken], np.arange((taken < trained).sum()), options.labelled), taken
