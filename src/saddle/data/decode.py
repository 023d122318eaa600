"""One image file: its header, its pixels, or the reason why not.

Files are foreign bytes. Only six formats are opened (Pillow would start Ghostscript for an EPS), a picture too large is
refused from its header, and whatever a decoder raises becomes a reason in words.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
from PIL import ExifTags, Image, ImageColor, ImageOps, UnidentifiedImageError

from ..base.errors import UsageError

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")

_GREY = ("1", "L", "LA", "La", "I;16", "I;16L", "I;16B", "I;16N")
_REFUSED = {
    "F": "floating-point samples, whose range is not known; save it with 8 or 16 bits, or use array:FILE.npy",
    "I": "32-bit integer samples, whose range is not known; save it with 8 or 16 bits, or use array:FILE.npy",
    "LAB": "Lab colours, which are not converted; save it as RGB",
    "HSV": "HSV colours, which are not converted; save it as RGB",
}
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
    bits: int


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


def header(path: Path, max_megapixels: float) -> Header:
    """The header alone, without the pixels. Raises Unreadable."""
    with _opened(path, max_megapixels) as image:
        # Pillow gives the size of a TIFF as it is after rotation, that of the other formats as it is before.
        turned = image.format != "TIFF" and image.getexif().get(ExifTags.Base.Orientation) in (5, 6, 7, 8)
        width, height = image.size[::-1] if turned else image.size
        return Header(
            height,
            width,
            image.mode,
            not (image.mode in _GREY or _grey_palette(image)),
            image.has_transparency_data,
            16 if image.mode.startswith("I;16") else 8,
        )


def pixels(path: Path, background: tuple[int, int, int], max_megapixels: float) -> np.ndarray:
    """The picture, upright and opaque: uint8 [H, W, 1 or 3], or uint16 [H, W, 1]. Raises Unreadable."""
    with _opened(path, max_megapixels) as image:
        upright = ImageOps.exif_transpose(image)
        if image.mode.startswith("I;16"):
            return np.asarray(upright).astype(np.uint16)[:, :, None]
        if image.has_transparency_data:
            canvas = Image.new("RGBA", upright.size, (*background, 255))
            canvas.alpha_composite(upright.convert("RGBA"))
            return np.asarray(canvas.convert("RGB"))
        if image.mode in ("1", "L"):
            return np.asarray(upright.convert("L"))[:, :, None]
        return np.asarray(upright.convert("RGB"))


def fitted(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """The centre of [H, W, C] with the asked proportions, resized with antialiasing (bicubic)."""
    if picture.shape[:2] == (height, width):
        return picture
    if picture.dtype == np.uint8 and picture.shape[2] == 3:
        return np.asarray(ImageOps.fit(Image.fromarray(picture), (width, height), Image.Resampling.BICUBIC))
    highest = np.iinfo(picture.dtype).max
    bands = [Image.fromarray(np.ascontiguousarray(band, np.float32)) for band in np.moveaxis(picture, 2, 0)]
    resized = [np.asarray(ImageOps.fit(band, (width, height), Image.Resampling.BICUBIC)) for band in bands]
    return np.stack(resized, 2).round().clip(0, highest).astype(picture.dtype)


def with_channels(picture: np.ndarray, channels: int) -> np.ndarray:
    """[…, C] with 1 or 3 channels as asked: grey three times, or the luminance (ITU-R 601) of a colour."""
    given = picture.shape[-1]
    if given == channels:
        return picture
    if (given, channels) == (1, 3):
        return np.repeat(picture, 3, axis=-1)
    if (given, channels) == (3, 1):
        return (picture @ np.array([[0.299], [0.587], [0.114]])).round().astype(picture.dtype)
    raise UsageError(
        f"data.channels is {channels}, but the images have {given} channels; only 1 and 3 can be exchanged"
    )


def with_bits(picture: np.ndarray, bits: int) -> np.ndarray:
    """8 bits stretched over 16, if 16 are asked for: 255 becomes 65535."""
    return picture.astype(np.uint16) * np.uint16(257) if (bits, picture.dtype) == (16, np.uint8) else picture


def colour(name: str) -> tuple[int, int, int]:
    """Red, green and blue of a colour's name, 0 … 255 each."""
    try:
        red, green, blue = ImageColor.getrgb(name)[:3]
    except ValueError:
        raise UsageError(f"data.background is {name!r}; give a colour such as white, black, grey or #80a0ff") from None
    return red, green, blue


def _grey_palette(image: Image.Image) -> bool:
    palette = image.getpalette("RGB") if image.mode in ("P", "PA") else None
    return palette is not None and palette[0::3] == palette[1::3] == palette[2::3]


@contextmanager
def _opened(path: Path, max_megapixels: float) -> Iterator[Image.Image]:
    """The file with its header read and found acceptable; what goes wrong inside is Unreadable."""
    try:
        with path.open("rb") as file, Image.open(file, formats=FORMATS) as image:
            megapixels = image.width * image.height / 1e6
            if megapixels > max_megapixels:
                raise Unreadable(
                    f"{image.width}×{image.height} is {megapixels:,.0f} megapixels, "
                    f"more than data.max_megapixels {max_megapixels:g}"
                )
            if image.mode in _REFUSED:
                raise Unreadable(_REFUSED[image.mode])
            yield image
    except Unreadable:
        raise
    except Exception as error:  # decoders fed with broken files raise whatever comes to hand
        raise Unreadable(_reason(path, error)) from error


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
