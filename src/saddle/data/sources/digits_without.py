"""digits-without:DIGIT: all digits but one, such as digits-without:3; of what is held out that one is unusual"""

from collections.abc import Iterable

from ...spec import DataSpec
from ..baselines import Baseline, of_detectors
from ..odd_digits import of_every_digit, opened, plain
from ..options import DataOptions
from ..source import Source

FILES = False  # its place is a digit


def open(options: DataOptions, path: str) -> Source:
    """Key image. Held-out images also have `defect`: 1 for that digit, else 0."""
    return opened(options, path, only=False)


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, without an image."""
    return plain(options, path)


def baselines(source: Source, options: DataOptions) -> Iterable[Baseline]:
    """How well simple detectors find other digits here, and in the ten sources of this kind."""
    return [*of_detectors(source), *of_every_digit(only=False)]
