"""digits: scikit-learn's 1,797 handwritten digits, 8×8 enlarged to the asked size; 497 of them held out."""

import numpy as np

from ...base.errors import UsageError
from ...spec import DataSpec
from ..digits import NAMES, TRAINED, enlarged
from ..fingerprint import fingerprint
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
    options.allow("size", "channels", *AUGMENTATIONS, "labelled", "labelled_share")
    channels = options.channels or 1
    if channels not in (1, 3):
        raise UsageError(f"data.channels is {channels}; digits are grey (1) or grey thrice (3)")
    images, labels = enlarged(options)
    images = np.repeat(images, channels, axis=1)
    spec = DataSpec.of(images.shape[1:], ("image", "label"), NAMES)
    spec, labels = learned(spec, labels, np.arange(TRAINED), options.labelled)
    train = Split({"image": images[:TRAINED], "label": labels[:TRAINED]})
    heldout = Split({"image": images[TRAINED:], "label": labels[TRAINED:]})
    return Source(options.source, spec, train, heldout, fingerprint(images, labels, TRAINED), judged=JUDGED)
