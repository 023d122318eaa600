"""digits: scikit-learn's 1,797 handwritten digits, 8×8 enlarged to the asked size; 497 of them held out."""

from ...spec import DataSpec
from ..digits import TRAINED, labels, small
from ..handwritten import described, opened
from ..options import DataOptions
from ..source import Judged, Source

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
    return opened(options, small(), labels(), TRAINED, JUDGED)


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, without an image."""
    return described(options, labels(), TRAINED)[0]
