"""Files of labels as they are: the numbers of a palette, grey of 1 to 16 bits, or colours; no colour is converted.

What has lost values, or may have lost some, is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from .._version import __version__
from ..base.plain import fits
from . import record
from .cache import in_parallel
from .decode import Unreadable, opening
from .files import count
from .fingerprint import fingerprint
from .formats import depth
from .options import DataOptions
from .palettes import RGB

MOST_COLOURS = 4096  # different ones that are looked at in a file; a photograph has more
_LOSSY = "which loses values, so that pixels become other classes; save it as PNG"
_SCALED = {1: 255, 2: 85, 4: 17}  # by what Pillow multiplies numbers of so many bits

Form = Literal["numbers", "indexed", "colours"]  # grey, a palette, red, green and blue


@dataclass(frozen=True)
class LabelFile:
    """A file of labels as it is."""

    form: Form
    codes: NDArray[np.int64]  # [H, W]: the number of each pixel, or 65536 red + 256 green + blue
    palette: tuple[RGB, ...] = ()  # of an indexed one


@dataclass(frozen=True)
class Seen:
    """What occurs in a file of labels."""

    form: Form
    codes: tuple[int, ...]  # numbers or colours, each once
    counts: tuple[int, ...]  # of pixels
    colours: tuple[RGB, ...]  # of these codes; () of numbers
    doubled: bool = False  # has its palette a colour twice, up to the largest number that occurs?
    further: int = 0  # colours that were not looked at


def read(path: Path, max_megapixels: float) -> LabelFile:
    """The file, upright. Unreadable for what is no file of labels, such as a JPEG, and for transparent pixels."""
    with opening(path, max_megapixels, any_range=True) as image:
        _refuse(image, path)
        bits, clear = depth(image), image.has_transparency_data and image.mode not in ("P", "PA")
        upright = ImageOps.exif_transpose(image)
        if image.mode in ("P", "PA"):
            numbers = np.asarray(upright if image.mode == "P" else upright.getchannel("P"))
            flat = upright.getpalette("RGB") or []
            palette = tuple((flat[i], flat[i + 1], flat[i + 2]) for i in range(0, len(flat) - 2, 3))
            return LabelFile("indexed", numbers.astype(np.int64), palette)
        if clear:
            upright = _opaque(upright)
        if image.mode in ("RGB", "RGBA", "RGBX"):
            red, green, blue = np.moveaxis(np.asarray(upright.convert("RGB")).astype(np.int64), 2, 0)
            return LabelFile("colours", (red << 16) + (green << 8) + blue)
        numbers = np.asarray(upright.getchannel(0) if image.mode == "LA" else upright).astype(np.int64)
        if image.mode == "L" and image.format == "PNG":
            numbers //= _SCALED.get(bits, 1)
        if numbers.min() < 0:
            raise Unreadable(f"has the number {numbers.min()}; labels are numbers from 0 on")
        return LabelFile("numbers", numbers)


def look(root: Path, marks: Mapping[str, str], options: DataOptions) -> dict[str, Seen | str]:
    """What occurs in files below `root`, by path, or why one cannot be read; `marks` are their SHA-256 by path.

    What was seen is written down by these marks, so a file is read again only when it is another one.
    """
    place = options.cache_folder / "labels" / f"{fingerprint(__version__, str(root.resolve()))[:32]}.json"
    kept = record.read(place)
    known = {mark: row for mark, row in kept.items() if fits(row, _ROW)} if isinstance(kept, dict) else {}
    unknown = [path for path, mark in marks.items() if mark not in known]

    def seen(i: int) -> Seen | str:
        try:
            return seen_in(read(root / unknown[i], options.max_megapixels))
        except Unreadable as error:
            return str(error)

    new = dict(zip(unknown, in_parallel(seen, len(unknown), "reading labels"), strict=True))
    rows = {mark: known[mark] for mark in marks.values() if mark in known}
    rows |= {marks[path]: list(vars(each).values()) for path, each in new.items() if isinstance(each, Seen)}
    if rows != known:
        record.write(place, rows)
    return {path: new[path] if path in new else _of_row(known[mark]) for path, mark in marks.items()}


def _refuse(image: Image.Image, path: Path) -> None:
    """Unreadable for a file that cannot be a label map."""
    if image.format in ("JPEG", "MPO"):
        raise Unreadable(f"a label map in a JPEG file, {_LOSSY}")
    if image.format == "WEBP" and _is_lossy(path):
        raise Unreadable(f"a label map in a WEBP file with loss, {_LOSSY} or without loss")
    if image.format == "TIFF" and image.info.get("compression") in ("jpeg", "tiff_jpeg", "webp"):
        raise Unreadable(f"a label map in a TIFF file compressed as {image.info['compression']}, {_LOSSY}")
    if image.mode not in ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "I") and not image.mode.startswith("I;16"):
        raise Unreadable(f"{image.mode} samples, which are no labels; save it as grey, with a palette or as RGB")


def _is_lossy(path: Path) -> bool:
    """Has a WEBP file a part of the kind that loses values?"""
    data = path.read_bytes()
    place = 12
    while place + 8 <= len(data):
        name, length = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "little")
        if name in (b"VP8 ", b"VP8L", b"ANMF"):
            return name != b"VP8L"
        place += 8 + length + length % 2
    return False


def _opaque(image: Image.Image) -> Image.Image:
    """The image without its opacity. Unreadable if that is not full everywhere."""
    clear = np.asarray(image.convert("RGBA"))[..., 3] < 255
    if clear.any():
        row, column = divmod(int(clear.argmax()), clear.shape[1])
        raise Unreadable(
            f"{count(int(clear.sum()), 'transparent pixel')}, the first in row {row}, column {column}, counted from 0; "
            "a label map has a class for each pixel: flatten it"
        )
    return image


def seen_in(file: LabelFile) -> Seen:
    codes, counts = np.unique(file.codes, return_counts=True)
    further = max(len(codes) - MOST_COLOURS, 0)
    if further:
        kept = np.sort(np.argsort(-counts, kind="stable")[:MOST_COLOURS])
        codes, counts = codes[kept], counts[kept]
    listed: list[int] = codes.tolist()
    if file.form == "indexed":
        last = file.palette[: listed[-1] + 1]
        black = (0, 0, 0)  # what programs show of a number that has no colour
        colours = tuple(file.palette[code] if code < len(file.palette) else black for code in listed)
        doubled = len({*last}) <= listed[-1]
    else:
        colours = tuple((code >> 16, code >> 8 & 255, code & 255) for code in listed if file.form == "colours")
        doubled = False
    return Seen(file.form, tuple(listed), tuple(counts.tolist()), colours, doubled, further)


_ROW = tuple[Form, list[int], list[int], list[list[int]], bool, int]  # of a `Seen`, in JSON


def _of_row(row: list) -> Seen:  # type: ignore[type-arg]
    form, codes, counts, colours, doubled, further = row
    return Seen(form, tuple(codes), tuple(counts), tuple(map(tuple, colours)), doubled, further)
