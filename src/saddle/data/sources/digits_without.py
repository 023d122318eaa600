"""digits-without:DIGIT: all digits but one, such as digits-without:3; of what is held out that one is unusual"""

from ...spec import DataSpec
from ..odd_digits import opened, plain
from ..options import DataOptions
from ..source import Source

FILES = False  # its place is a digit


def open(options: DataOptions, path: str) -> Source:
    """Key image. Held-out images also have `defect`: 1 for that digit, else 0."""
    return opened(options, path, only=False)


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, without an image."""
    return plain(options, path)
