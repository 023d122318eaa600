"""Colours of 16 bits, of which Pillow gives the upper 8 and writes none.

Reading takes two passes: Pillow's own decoder, set to the other order of a value's bytes, gives the
lower 8.
"""

import io
import struct
import sys
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image, ImageFile

_OTHER = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}
_PNG_KINDS = {1: 0, 2: 4, 3: 2, 4: 6}  # channels → how a PNG calls them
_LONG = 4  # a type of a TIFF's values
_WIDTH, _BITS = 256, 258  # tags of a TIFF


def raw_modes(image: Image.Image) -> tuple[str, ...]:
    """How the parts of a file with colours of 16 bits a channel are stored; () for other files. None is read yet."""
    modes = tuple(str(_args(tile)[0]) for tile in getattr(image, "tile", ()))
    deep = image.format in ("PNG", "TIFF") and all(mode[:-1] in ("RGB;16", "RGBA;16", "LA;16") for mode in modes)
    return modes if deep else ()


def lower(image: Image.Image) -> None:
    """Let this file, of which nothing was read yet, give the lower 8 bits of its values instead of the upper."""
    assert isinstance(image, ImageFile.ImageFile)
    modes = raw_modes(image)
    image.tile = [_renamed(tile, m[:-1] + _OTHER[m[-1]]) for tile, m in zip(image.tile, modes, strict=True)]


def grey_with_opacity(image: Image.Image) -> np.ndarray:
    """Of a PNG that has these two channels, [H, W, 2]: its two bytes twice are what RGBA takes in."""
    assert isinstance(image, ImageFile.ImageFile)
    image._mode = "RGBA"
    image.tile = [_renamed(tile, "RGBA") for tile in image.tile]
    return np.array(image).view(">u2").astype(np.uint16)


def png(pixels: np.ndarray, chunks: Mapping[bytes, bytes]) -> bytes:
    """A PNG of uint16 [H, W, 1 to 4], with further chunks by name."""
    height, width, channels = pixels.shape
    lines = np.ascontiguousarray(pixels, ">u2").view(np.uint8).reshape(height, -1)
    filtered = lines.copy()
    filtered[:, 2 * channels :] -= lines[:, : -2 * channels]  # each value less the one to its left: filter 1
    data = np.concatenate([np.ones((height, 1), np.uint8), filtered], 1).tobytes()
    header = struct.pack(">IIBBBBB", width, height, 16, _PNG_KINDS[channels], 0, 0, 0)
    parts = {b"IHDR": header, **chunks, b"IDAT": zlib.compress(data, 6), b"IEND": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(_chunk, parts.items()))


def tiff(pixels: np.ndarray, profile: bytes = b"", exif: bytes = b"") -> bytes:
    """A TIFF of uint16 [H, W, 1 to 4], with a colour profile and a camera's notes if there are any; uncompressed.

    Grey with opacity becomes red, green, blue and opacity: many programs, and Pillow, read no other of 16 bits.
    """
    if pixels.shape[2] == 2:
        pixels = pixels[..., [0, 0, 0, 1]]
    height, width, channels = pixels.shape
    halves = np.ascontiguousarray(pixels, "<u2").view(np.uint8).reshape(height, 2 * width, channels)
    about: dict[str, Any] = {"icc_profile": profile} if profile else {}
    about |= {"exif": exif} if exif else {}
    file = io.BytesIO()
    Image.fromarray(halves[..., 0] if channels == 1 else halves).save(file, "TIFF", compression=None, **about)
    return _deepened(bytearray(file.getvalue()), width)


def _deepened(data: bytearray, width: int) -> bytes:
    """A TIFF of 8 bits whose bytes are to be taken for halves of values of 16, half as many a line."""
    (place,) = struct.unpack_from("<I", data, 4)
    (tags,) = struct.unpack_from("<H", data, place)
    for entry in range(place + 2, place + 2 + 12 * tags, 12):
        tag, kind, count = struct.unpack_from("<HHI", data, entry)
        if tag == _WIDTH:
            struct.pack_into("<I" if kind == _LONG else "<H", data, entry + 8, width)
        elif tag == _BITS:
            at = entry + 8 if count <= 2 else struct.unpack_from("<I", data, entry + 8)[0]
            struct.pack_into(f"<{count}H", data, at, *[16] * count)
    return bytes(data)


def _chunk(part: tuple[bytes, bytes]) -> bytes:
    name, data = part
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _args(tile: ImageFile._Tile) -> tuple[object, ...]:
    return tile.args if isinstance(tile.args, tuple) else (tile.args,)


def _renamed(tile: ImageFile._Tile, mode: str) -> ImageFile._Tile:
    """A part of a file that is to be taken for this raw mode."""
    args = (mode, *_args(tile)[1:])
    return tile._replace(args=args if isinstance(tile.args, tuple) else mode)
