"""digits-only:DIGIT: digits of one kind, such as digits-only:3; of what is held out every other digit is unusual"""

from collections.abc import Iterable

from ...spec import DataSpec
from ..baselines import Baseline, of_detectors
from ..odd_digits import of_every_digit, opened, plain
from ..options import DataOptions
from ..source import Source

FILES = False  # its place is a digit


def open(options: DataOptions, path: str) -> Source:
    """Key image. Held-out images also have `defect`: 0 for that digit, else which other one it is."""
    return opened(options, path, only=True)


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, without an image."""
    return plain(options, path)


def baselines(source: Source, options: DataOptions) -> Iterable[Baseline]:
    """How well simple detectors find other digits here, and in the ten sources of this kind."""
    return [*of_detectors(source), *of_every_digit(only=True)]
