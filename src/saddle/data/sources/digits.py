"""digits: scikit-learn's 1,797 handwritten digits, 8×8 enlarged to the asked size; 497 of them held out."""

import numpy as np

from ...base.errors import UsageError
from ...spec import DataSpec
from ..digits import NAMES, TRAINED, enlarged
from ..fingerprint import fingerprint, picked
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
    options.allow("size", "channels", *AUGMENTATIONS, "labelled", "labelled_share", "limit")
    channels = options.channels or 1
    if channels not in (1, 3):
        raise UsageError(f"data.channels is {channels}; digits are grey (1) or grey thrice (3)")
    images, labels = enlarged(options)
    taken = picked([b"%d" % i for i in range(len(images))], options.limit)
    images, labels = np.repeat(images[taken], channels, axis=1), labels[taken]
    trained = int((taken < TRAINED).sum())
    spec = DataSpec.of(images.shape[1:], ("image", "label"), NAMES)
    spec, labels = learned(spec, labels, np.arange(trained), options.labelled)
    train = Split({"image": images[:trained], "label": labels[:trained]})
    heldout = Split({"image": images[trained:], "label": labels[trained:]}) if trained < len(images) else None
    return Source(options.source, spec, train, heldout, fingerprint(images, labels, trained), judged=JUDGED)
