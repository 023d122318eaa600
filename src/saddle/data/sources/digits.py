"""digits: scikit-learn's 1,797 handwritten digits, 8×8 enlarged to the asked size; 497 of them held out."""

import numpy as np

from ...base.errors import UsageError
from ...spec import DataSpec
from ..digits import NAMES, TRAINED, enlarged, labels, sides
from ..fingerprint import fingerprint
from ..labels import learned
from ..options import AUGMENTATIONS, DataOptions
from ..source import Judged, Source, Split

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
    spec, known = _described(options)
    images, _ = enlarged(options, copies=4 if spec.shape[0] == 3 else 1)
    images = np.repeat(images, 3, axis=1) if spec.shape[0] == 3 else images
    train = Split({"image": images[:TRAINED], "label": known[:TRAINED]})
    heldout = Split({"image": images[TRAINED:], "label": known[TRAINED:]})
    return Source(options.source, spec, train, heldout, fingerprint(images, known, TRAINED), judged=JUDGED)


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, without an image."""
    return _described(options)[0]


def _described(options: DataOptions) -> tuple[DataSpec, np.ndarray]:
    """The spec, and the labels that are known."""
    options.allow("size", "channels", *AUGMENTATIONS, "labelled", "labelled_share")
    channels = options.channels or 1
    if channels not in (1, 3):
        raise UsageError(f"data.channels is {channels}; digits are grey (1) or grey thrice (3)")
    spec = DataSpec.of((channels, *sides(options)), ("image", "label"), NAMES)
    return learned(spec, labels(), np.arange(TRAINED), options.labelled)
