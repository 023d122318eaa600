"""in-memory:MARK: what a program gave as data= in Python, such as an array or a torch Dataset; no command can open it

Arrays are read as `array:` reads them from files, and have the same settings.
"""

from ...spec import DataSpec
from ..given import Given, recalled
from ..options import AUGMENTATIONS, DataOptions
from ..source import Source
from .array import made

FILES = False  # MARK is no place


def open(options: DataOptions, path: str) -> Source:
    """The data of that mark. UsageError, with what to do, where this process was not given them."""
    given = recalled(path)
    if isinstance(given, Given):
        return made(options, "the array", given.samples, given.labels, given.names)
    options.allow(*AUGMENTATIONS)
    return given


def spec_of(options: DataOptions, path: str) -> DataSpec:
    return open(options, path).spec
