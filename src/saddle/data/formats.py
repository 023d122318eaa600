"""What Pillow leaves to its caller in an image file: depths, pages, negatives, a transparent value, false checksums."""

import io
import re
import struct
import zlib
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError
from PIL.TiffImagePlugin import BITSPERSAMPLE, PHOTOMETRIC_INTERPRETATION, PLANAR_CONFIGURATION, SAMPLEFORMAT

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
ANY_RANGE = ("I", "F")  # Pillow's modes of numbers whose range is not known

_UNKNOWN = "whose range is not known: give it with --data.range LOW,HIGH, or save it with 8 or 16 bits"
_COLOURS = {
    "LAB": "Lab colours, which are not converted; save it as RGB",
    "HSV": "HSV colours, which are not converted; save it as RGB",
}
_START = b"\x89PNG\r\n\x1a\n"
_SHAPING = (b"tRNS", b"eXIf")  # parts of a PNG that may be left out, but change how it looks


def opened(file: BinaryIO) -> Image.Image:
    """The image, its header read. Only these formats are tried: Pillow would start Ghostscript for an EPS."""
    try:
        return Image.open(file, formats=FORMATS)
    except UnidentifiedImageError:
        file.seek(0)
        if (whole := _without_bad_remarks(file.read())) is None:
            raise
        return Image.open(io.BytesIO(whole), formats=FORMATS)


def refusal(image: Image.Image, any_range: bool) -> str | None:
    """Why these pixels would not come out as they are; None if they would."""
    floating, signed = _samples(image) == 3, _samples(image) == 2
    if image.mode in _COLOURS:
        return _COLOURS[image.mode]
    if image.mode in ANY_RANGE and not any_range:
        what = "floating-point" if image.mode == "F" or floating else f"{depth(image)}-bit integer"
        return f"{what} samples{' with a sign' * signed}, {_UNKNOWN}"
    if (signed or floating) and image.mode not in ANY_RANGE:
        kind = "with a sign" if signed else "of floating point"
        return f"samples of {depth(image)} bits {kind}, which are not read; save it without, with 8 or 16 bits"
    if _tag(image, PLANAR_CONFIGURATION, 1) == 2 and depth(image) > 8:
        return f"colours of {depth(image)} bits in separate planes, which are not read; save it with 8 bits, or as PNG"
    return None


def depth(image: Image.Image) -> int:
    """Bits of a value in the file, of which Pillow may give fewer; asked before the pixels are loaded."""
    if image.format == "PNG":
        told = re.search(r";(\d+)", str(getattr(image, "tile", "")))
        return int(told[1]) if told else 8
    return _tag(image, BITSPERSAMPLE, 8) if image.format == "TIFF" else 8


def pages(image: Image.Image) -> int:
    """Pages of a TIFF, or frames of an animation."""
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # a page behind the first is damaged; the first need not be
        return 1


def negative(image: Image.Image) -> bool:
    """Does 0 stand for white, where Pillow does not see to it?"""
    return image.mode.startswith("I;16") and _tag(image, PHOTOMETRIC_INTERPRETATION, 1) == 0


def unsigned(image: Image.Image) -> bool:
    """Are these numbers from 0 on, where Pillow gives them with a sign?"""
    return image.mode == "I" and _samples(image) == 1


def clear_value(image: Image.Image) -> int | tuple[int, ...] | None:
    """The transparent value as Pillow gives the pixels, where it tells that value as the file has it."""
    clear, bits = image.info.get("transparency"), depth(image)
    if image.format != "PNG" or bits not in (2, 4, 16):
        return None
    if isinstance(clear, tuple):
        return tuple(value >> 8 for value in clear)
    if not isinstance(clear, int) or image.mode in ("P", "1"):
        return None
    return clear if bits == 16 else clear * 255 // (2**bits - 1)


def _tag(image: Image.Image, tag: int, usual: int) -> int:
    """The largest value of a TIFF's tag; other files have the usual one."""
    values = getattr(image, "tag_v2", {}).get(tag, usual) if image.format == "TIFF" else usual
    return int(max(values) if isinstance(values, tuple) else values)


def _samples(image: Image.Image) -> int:
    """Of a TIFF: 1 for whole numbers from 0 on, 2 for such with a sign, 3 for floating point."""
    return _tag(image, SAMPLEFORMAT, 1)


def _without_bad_remarks(data: bytes) -> bytes | None:
    """A PNG without the remarks (times, texts) whose checksum is wrong: its pixels are whole. None if it has none."""
    parts, place, left_out = [_START], len(_START), False
    while data.startswith(_START) and place + 12 <= len(data):
        (length,), name = struct.unpack(">I", data[place : place + 4]), data[place + 4 : place + 8]
        part = data[place : place + 12 + length]
        remark = name[:1].islower() and name not in _SHAPING
        if remark and zlib.crc32(part[4:-4]) != int.from_bytes(part[-4:]):
            left_out = True
        else:
            parts.append(part)
        place += len(part)
    return b"".join(parts) if left_out else None
