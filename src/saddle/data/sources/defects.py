"""defects: drawn stripes; of what is held out every other image has a dot, a scratch or a smudge (for finding them)"""

from ...spec import DataSpec
from ..defective import opened, plain, stripes
from ..options import DataOptions
from ..source import Source


def open(options: DataOptions, path: str) -> Source:
    """Key image. Held-out images also have their kind of defect, and a mask of it; 32 grey pixels unless asked."""
    return opened(options, stripes(spec_of(options, path).shape[1:]))


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, without an image."""
    return plain(options)
