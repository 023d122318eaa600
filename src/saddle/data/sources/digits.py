"""digits: scikit-learn's 1,797 handwritten digits, 8×8 enlarged to the asked size; 497 of them held out."""

import numpy as np

from ...base.errors import UsageError
from ...spec import DataSpec
from ..digits import NAMES, TRAINED, enlarged, labels, sides
from ..fingerprint import fingerprint, picked
from ..labels import learned
from ..options import AUGMENTATIONS, DataOptions
from ..source import Judged, Source, Split

OFFERS = ("image", "label")  # keys of its batches
JUDGED = Judged(
    "digits",
    early=("fid",),
    final=(
        *("fid", "fid_floor", "fid_multiple", "kid", "precision", "recall", "density", "coverage"),
        *("classes", "copying"),
    ),
)


def open(options: DataOptions, path: str) -> Source:
    """Keys image and label; size 32 and 1 channel unless asked otherwise."""
    spec, known, taken = _described(options)
    images, _ = enlarged(options, copies=4 if spec.shape[0] == 3 else 1)
    images = images if len(taken) == len(images) else images[taken]
    images = np.repeat(images, 3, axis=1) if spec.shape[0] == 3 else images
    trained = int((taken < TRAINED).sum())
    train = Split({"image": images[:trained], "label": known[:trained]})
    heldout = Split({"image": images[trained:], "label": known[trained:]}) if trained < len(images) else None
    return Source(options.source, spec, train, heldout, fingerprint(images, known, trained), judged=JUDGED)


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, without an image."""
    return _described(options)[0]


def _described(options: DataOptions) -> tuple[DataSpec, np.ndarray, np.ndarray]:
    """The spec, the labels that are known, and which of the digits are taken."""
    options.allow("size", "channels", *AUGMENTATIONS, "labelled", "labelled_share", "limit")
    channels = options.channels_of() or 1
    if channels not in (1, 3):
        raise UsageError(f"data.channels is {channels}; digits are grey (1) or grey thrice (3)")
    taken = picked([b"%d" % i for i in range(len(labels()))], options.limit)
    spec = DataSpec.of((channels, *sides(options)), ("image", "label"), NAMES)
    return *learned(spec, labels()[taken], np.arange((taken < TRAINED).sum()), options.labelled), taken
