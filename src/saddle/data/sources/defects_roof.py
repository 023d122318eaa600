"""defects-roof: grey pieces of the roofs and trees of scikit-learn's china, with the same defects in every other one"""

from ...spec import DataSpec
from ..defective import opened, pieces, plain
from ..options import DataOptions
from ..photographs import photograph
from ..picture import with_channels
from ..source import Source

TOP = 250  # first row of the roofs
BEGIN, END = 320, 480  # columns that are held out; those before are trained on, those behind show another lake and tree


def open(options: DataOptions, path: str) -> Source:
    """Key image, as `defects` has it. No pixel that is held out is in a piece to train on."""
    grey = with_channels(photograph("china"), 1)[TOP:, :, 0]
    return opened(options, pieces(spec_of(options, path).shape[1:], grey[:, :BEGIN], grey[:, BEGIN:END]))


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, without an image."""
    return plain(options)
