"""How files of labels and of instances become arrays: read as numbers, and resized to the nearest, never mixed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..base.errors import UsageError
from ..spec import Field
from ..spec.field import CARE
from .decode import Header
from .label_files import read
from .label_maps import By, class_map
from .options import DataOptions
from .palettes import Table
from .picture import nearest
from .readers import Decoded, Reader
from .sizes import Sides


@dataclass(frozen=True)
class Labels(Reader):
    """The class of every pixel."""

    table: Table
    by: By  # what says it
    words: tuple[tuple[str, str], ...] = ()  # what a person should know of the classes
    mixed: bool = False  # would some files alone be read in another way?

    def field(self, heads: Mapping[str, Header], sides: Sides, options: DataOptions) -> Field:
        if options.fit == "pad" and self.table.names[-1] != CARE:
            raise UsageError(
                "data.fit pad lays images on a background, which is none of the classes of these label maps; say which "
                "number is of no class with --data.ignore 255, or ask for another data.fit"
            )
        return replace(self.table.field(*sides), by=self.by if self.mixed else "")

    def array(self, path: Path, sides: Sides | None, field: Field, options: DataOptions) -> np.ndarray:
        classes = class_map(path, field, options.max_megapixels, self.by).astype(self.dtype(field))
        return _brought(classes, sides, options, len(field.names) - 1)

    def dtype(self, field: Field) -> type[np.generic]:
        return np.uint16 if len(field.names) > 256 else np.uint8

    def mark(self, field: Field, options: DataOptions) -> tuple[object, ...]:
        return 1, self.by, self.table.values, self.table.colours, options.fit

    def notes(self, of: Decoded) -> dict[str, str]:
        return dict(self.words)


@dataclass(frozen=True)
class Instances(Reader):
    """A number for every object, whatever it is; a colour is a number too."""

    def field(self, heads: Mapping[str, Header], sides: Sides, options: DataOptions) -> Field:
        return Field("instances", sides)

    def array(self, path: Path, sides: Sides | None, field: Field, options: DataOptions) -> np.ndarray:
        return _brought(read(path, options.max_megapixels).codes.astype(np.int32), sides, options)

    def dtype(self, field: Field) -> type[np.generic]:
        return np.int32

    def mark(self, field: Field, options: DataOptions) -> tuple[object, ...]:
        return 1, options.fit


def _brought(numbers: np.ndarray, sides: Sides | None, options: DataOptions, beyond: int = 0) -> np.ndarray:
    """Numbers [H, W] as [1, H, W], in these sides; `beyond` stands around what is padded."""
    height, width = sides or numbers.shape
    return nearest(numbers[..., None], height, width, options.fit, beyond).transpose(2, 0, 1)
