"""One image file: its header, its pixels, or the reason why not.

Files are foreign bytes. Only six formats are opened, a picture too large is refused from its header, and whatever a
decoder raises becomes a reason in words.
"""

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, local

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from . import formats, jpeg
from .formats import ANY_RANGE, FORMATS
from .options import DataOptions
from .picture import colour, fitted, opaque, ranged, with_bits, with_channels, with_opacity

_GREY = ("1", "L", "LA", "La", "I;16", "I;16L", "I;16B", "I;16N", *ANY_RANGE)
_MAGIC = {
    b"\x89PNG": "PNG",
    b"\xff\xd8": "JPEG",
    b"RIFF": "WEBP",
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"II*": "TIFF",
    b"MM": "TIFF",
}

_reading = Lock()  # both are the whole process's: one reader of folders at a time
_thread = local()  # its `walk`, inside of `in_order`


class Unreadable(Exception):
    """A file that gives no image; the text is the reason."""


@dataclass(frozen=True)
class Header:
    """What an image file says of itself."""

    height: int  # as it will be after the camera's rotation is undone
    width: int
    mode: str  # Pillow's name: L, RGB, P, …
    colour: bool
    transparent: bool
    bits: int  # as they are read
    depth: int = 8  # bits in the file
    pages: int = 1  # of which this is one
    corrected: bool = False  # read otherwise than by version 1 of the cache, which took a value for another


class Walk:
    """A file that stays open from one of its pages to a later one: each is sought from the last, not from the first."""

    def __init__(self) -> None:
        self.open = ExitStack()
        self.path: Path | None = None
        self.page = 0

    def at(self, path: Path, page: int) -> Image.Image:
        """The file at this page, of which nothing was read yet."""
        if path != self.path or page <= self.page:
            self.close()
            self.image = self.open.enter_context(formats.opened(self.open.enter_context(path.open("rb"))))
            self.path = path
        if page:
            self.image.seek(page)
        self.page = page
        return self.image

    def close(self) -> None:
        self.path = None
        self.open.close()


@contextmanager
def in_order() -> Iterator[None]:
    """Around a thread's work on the pages of a file, one after the other: the file is opened once."""
    before, walk = getattr(_thread, "walk", None), Walk()
    _thread.walk = walk
    try:
        yield
    finally:
        walk.close()
        _thread.walk = before


@contextmanager
def reading() -> Iterator[None]:
    """Around the threads that read: Pillow's own limit and warnings are off, for `header` and `pixels` have theirs."""
    with _reading:
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", module="PIL")
                yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def header(path: Path, max_megapixels: float, page: int = 0, any_range: bool = False) -> Header:
    """The header alone, without the pixels; with `any_range`, of any numbers. Raises Unreadable."""
    with opening(path, max_megapixels, page, any_range) as image:
        depth, clear = formats.depth(image), formats.clear_value(image)  # asked before the pixels may be loaded
        # Pillow gives the size of a TIFF as it is after rotation, that of the other formats as it is before.
        turned = image.format != "TIFF" and image.getexif().get(ExifTags.Base.Orientation) in (5, 6, 7, 8)
        width, height = image.size[::-1] if turned else image.size
        return Header(
            height,
            width,
            image.mode,
            colour=not (image.mode in _GREY or _grey_palette(image)),
            transparent=image.has_transparency_data,
            bits=16 if image.mode.startswith("I;16") or image.mode in ANY_RANGE else 8,
            depth=depth,
            corrected=formats.negative(image) or clear is not None,
            pages=1 if page else formats.pages(image),  # asked last: it goes through them all
        )


def stored(path: Path, max_megapixels: float, page: int = 0, any_range: bool = False) -> np.ndarray:
    """The picture, upright, as it is kept: [H, W, 1, 3 or, with opacity, 4]. Raises Unreadable.

    It is uint8 or uint16; with `any_range` also int32, uint32 or float32.
    """
    with opening(path, max_megapixels, page, any_range) as image:
        return pixels(image, path)


def pixels(image: Image.Image, path: Path) -> np.ndarray:
    """What `stored` gives of the file inside of `opening`, of which nothing was read yet."""
    negative, unsigned, clear = formats.negative(image), formats.unsigned(image), formats.clear_value(image)
    if image.format == "JPEG":
        image = _ended(image, path)
    if clear is not None and image.mode != "I;16":
        image.info["transparency"] = clear
    upright = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16"):
        grey = np.asarray(upright).astype(np.uint16)[:, :, None]
        grey = 65535 - grey if negative else grey
        return grey if clear is None else _cleared(grey, clear)
    if image.mode in ANY_RANGE:
        return _numbers(np.asarray(upright), unsigned)[:, :, None]
    if image.has_transparency_data:
        return np.asarray(upright.convert("RGBA"))
    if image.mode in ("1", "L"):
        return np.asarray(upright.convert("L"))[:, :, None]
    return np.asarray(upright.convert("RGB"))


def sample(
    path: Path,
    options: DataOptions,
    channels: int | None = None,
    bits: int | None = None,
    sides: tuple[int, ...] | None = None,
    page: int = 0,
) -> np.ndarray:
    """The picture as data with these options are read: [H, W, C] with the channels, bits and size, or with its own.

    Four channels are red, green, blue and opacity; fewer show data.background where the picture is transparent.
    """
    return shaped(stored(path, options.max_megapixels, page, options.range is not None), options, channels, bits, sides)


def shaped(
    picture: np.ndarray,
    options: DataOptions,
    channels: int | None = None,
    bits: int | None = None,
    sides: tuple[int, ...] | None = None,
) -> np.ndarray:
    """The same of a picture that `stored` gave, or of a part of it."""
    background = colour(options.background)
    own = 8 if picture.dtype == np.uint8 else 16
    picture = ranged(picture, options.range, bits or own, opacity=picture.shape[2] == 4)
    if channels == 4:
        picture = with_opacity(picture)
    else:
        picture = opaque(picture, background)
        picture = with_channels(picture, channels or picture.shape[2])
    picture = with_bits(picture, bits or 8)
    height, width = sides or picture.shape[:2]
    return fitted(picture, height, width, options.fit, background, channels == 4)


def unchanged(picture: np.ndarray, sides: tuple[int, int]) -> np.ndarray:
    """[H, W, C], for which there is room only if it is as large as its header says."""
    (height, width), (high, wide) = picture.shape[:2], sides
    if (height, width) != sides:
        raise Unreadable(f"damaged: its header says {wide}×{high}, and it has {width}×{height} pixels")
    return picture


def _ended(image: Image.Image, path: Path) -> Image.Image:
    """The decoded JPEG, though the mark of its end be missing."""
    try:
        image.load()
    except OSError:
        data = path.read_bytes()
        if not jpeg.one_scan(data):
            raise Unreadable(
                "truncated: the mark of its end is missing, and with it perhaps some of the pixels; if the picture is "
                "whole, save it again"
            ) from None
        if (whole := jpeg.ended(data)) is None:
            raise
        return whole
    return image


def _cleared(grey: np.ndarray, clear: object) -> np.ndarray:
    """uint16 [H, W, 1] with this value transparent, as [H, W, 4]."""
    seen = np.where(grey == clear, 0, 65535).astype(np.uint16)
    return np.concatenate([grey, grey, grey, seen], 2)


def _numbers(values: np.ndarray, unsigned: bool) -> np.ndarray:
    if not np.isfinite(values).all():
        raise Unreadable("has NaN or infinite numbers, which are no brightness")
    return values.view(np.uint32) if unsigned else values


def _grey_palette(image: Image.Image) -> bool:
    palette = image.getpalette("RGB") if image.mode in ("P", "PA") else None
    return palette is not None and palette[0::3] == palette[1::3] == palette[2::3]


@contextmanager
def opening(path: Path, max_megapixels: float, page: int = 0, any_range: bool = False) -> Iterator[Image.Image]:
    """The file with its header read and found acceptable, for other readers too; what goes wrong is Unreadable."""
    kept: Walk | None = getattr(_thread, "walk", None)
    walk, done = kept or Walk(), False
    try:
        image = walk.at(path, page)
        megapixels = image.width * image.height / 1e6
        if megapixels > max_megapixels:
            raise Unreadable(
                f"{image.width}×{image.height} is {megapixels:,.0f} megapixels, "
                f"more than data.max_megapixels {max_megapixels:g}"
            )
        if reason := formats.refusal(image, any_range):
            raise Unreadable(reason)
        yield image
        done = True
    except Unreadable:
        raise
    except Exception as error:  # decoders fed with broken files raise whatever comes to hand
        raise Unreadable(_reason(path, error)) from error
    finally:
        if not (kept and done):  # after a fault the next page begins anew
            walk.close()


def _reason(path: Path, error: Exception) -> str:
    """Why a file could not be opened or decoded, in words."""
    if isinstance(error, UnidentifiedImageError):
        with path.open("rb") as file:
            return _sniffed(file.read(1024))
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read: {error.strerror}"
    text = str(error) or type(error).__name__
    return f"truncated: the data ends too early ({text})" if "truncated" in text.lower() else f"damaged: {text}"


def _sniffed(start: bytes) -> str:
    """What a file that is no image seems to be, from its first bytes."""
    beginning = start.lstrip().lower()
    magic = next((name for mark, name in _MAGIC.items() if start.startswith(mark)), None)
    readings = {
        "empty file (0 bytes)": not start,
        "an HTML page, not an image": beginning.startswith((b"<!doctype html", b"<html")),
        "PostScript (EPS), which is not opened": beginning.startswith((b"%!ps", b"\xc5\xd0\xd3\xc6")),
        "SVG or XML, which is not opened": beginning.startswith((b"<svg", b"<?xml")),
        f"begins like {magic}, but is damaged or of a kind that cannot be read": magic is not None,
        "text, not an image": bool(start) and all(byte in b"\t\n\r\f" or byte >= 32 for byte in start),
    }
    return next((words for words, true in readings.items() if true), f"none of the formats {', '.join(FORMATS)}")
