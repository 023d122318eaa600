"""How the files of one key become arrays: pictures here; label maps and masks in the sources that have them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..base.errors import UsageError
from ..spec import Field
from .brightness import of_files
from .decode import Header, Unreadable, shaped, stored
from .notes import of_headers
from .options import DataOptions
from .picture import colour, nearest, opaque, with_channels
from .sizes import Sides


@dataclass(frozen=True)
class Decoded:
    """The images of one key that are used."""

    root: Path
    heads: Mapping[str, Header]  # by name
    field: Field
    options: DataOptions
    array: Callable[[str], np.ndarray]  # of each name


class Reader(ABC):
    """How the files of one key become arrays [C, H, W]; the machinery in `keyed` decides at which sides.

    `options` are those of the key: data.channels is a number or None. Whatever is wrong with a file is raised as
    `Unreadable` with the reason, and so becomes one line of the listing, or a row that data.skip_bad leaves out.
    """

    def head(self, head: Header) -> Header:
        """What the header of a file says of the image in it; Unreadable if there can be none."""
        return head

    @abstractmethod
    def field(self, heads: Mapping[str, Header], sides: Sides, options: DataOptions) -> Field:
        """What is drawn from these images, by name: with these sides, height and width, in its shape."""

    @abstractmethod
    def array(self, path: Path, sides: Sides | None, field: Field, options: DataOptions) -> np.ndarray:
        """The image [C, H, W] of a file, in these sides or, without them, in its own; a map or instances with C = 1.

        A map and instances are resized to the nearest value, and never mixed. Raises Unreadable.
        """

    def dtype(self, field: Field) -> type[np.generic]:
        """Of the arrays."""
        return np.uint16 if field.bits == 16 else np.uint8

    def mark(self, field: Field, options: DataOptions) -> tuple[object, ...]:
        """What shapes the arrays beside the contents of the files and the sides: a version first, then settings.

        Another mark, and everything is decoded anew. The repr of each part counts.
        """
        return (1,)

    def notes(self, of: Decoded) -> dict[str, str]:
        """What a person should know of these images."""
        return {}


@dataclass(frozen=True)
class Pictures(Reader):
    """Images, read as folder: reads them; with `half`, the left (0) or the right (1) one of two side by side."""

    half: int | None = None

    def head(self, head: Header) -> Header:
        if self.half is None:
            return head
        if head.width % 2:
            raise Unreadable(f"it is {head.width} wide, an odd number: it does not hold two images side by side")
        return replace(head, width=head.width // 2)

    def field(self, heads: Mapping[str, Header], sides: Sides, options: DataOptions) -> Field:
        channels = options.channels_of()
        if channels not in (None, 1, 3, 4):
            raise UsageError(f"data.channels is {channels}; image files give 1, 3 or 4")
        tinted = len(set(colour(options.background))) > 1
        coloured = any(head.colour or (head.transparent and tinted) for head in heads.values())
        return Field("image", (channels or (3 if coloured else 1), *sides), bits=max(h.bits for h in heads.values()))

    def array(self, path: Path, sides: Sides | None, field: Field, options: DataOptions) -> np.ndarray:
        picture = stored(path, options.max_megapixels, any_range=options.range is not None)
        if self.half is not None:
            middle = picture.shape[1] // 2
            picture = picture[:, :middle] if self.half == 0 else picture[:, middle:]
        return shaped(np.ascontiguousarray(picture), options, field.shape[0], field.bits, sides).transpose(2, 0, 1)

    def mark(self, field: Field, options: DataOptions) -> tuple[object, ...]:
        return 1, self.half, field.bits, colour(options.background), options.fit, options.range

    def notes(self, of: Decoded) -> dict[str, str]:
        return of_headers(of.heads, of.options, paged=False) | of_files(
            of.root, of.heads, of.field.bits, of.options, of.array
        )


@dataclass(frozen=True)
class Masks(Reader):
    """Masks: white, from 128 of 255, is 1; what is resized takes the nearest pixel."""

    two: bool = False  # are files refused that hold more than two values, or none that is white beside black?

    def field(self, heads: Mapping[str, Header], sides: Sides, options: DataOptions) -> Field:
        return Field("mask", (1, *sides))

    def array(self, path: Path, sides: Sides | None, field: Field, options: DataOptions) -> np.ndarray:
        picture = opaque(stored(path, options.max_megapixels), (0, 0, 0))
        grey = with_channels(picture, 1)
        most = int(np.iinfo(grey.dtype).max)
        if self.two:
            _check_two(grey, most)
        white = np.where(grey > most // 2, 255, 0).astype(np.uint8)
        height, width = sides or white.shape[:2]
        return nearest(white, height, width, options.fit).transpose(2, 0, 1)

    def mark(self, field: Field, options: DataOptions) -> tuple[object, ...]:
        return (1, options.fit, *(["two"] if self.two else []))


def _check_two(grey: np.ndarray, most: int) -> None:
    """Unreadable unless a mask has two values, of which one alone is white, or is all black or all white."""
    values, white = np.unique(grey).tolist(), most // 2 + 1
    words = f"white is what has {white} of {most} or more; save it with {most} for white and 0 for black, as PNG"
    if len(values) > 2:
        raise Unreadable(f"holds {len(values)} values, where a mask has two: {words}")
    told = values[0] in (0, most) if len(values) == 1 else values[0] < white <= values[1]
    if not told:
        raise Unreadable(f"holds {' and '.join(map(str, values))}, so it does not tell white from black: {words}")
