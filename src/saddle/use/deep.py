"""Colours of 16 bits, of which Pillow gives the upper 8 and writes none.

Reading takes two passes: Pillow's own decoder, told that the bytes of a value come in the other order, gives the
lower 8.
"""

import struct
import sys
import zlib
from collections.abc import Iterator, Mapping

import numpy as np
from PIL import Image, ImageFile

_OTHER = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}
_PNG_KINDS = {1: 0, 2: 4, 3: 2, 4: 6}  # channels → how a PNG calls them
_SHORT, _LONG = 3, 4  # types of a TIFF's values
_DIRECTORY = 8  # where a TIFF's begins


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


def tiff(pixels: np.ndarray, profile: bytes = b"") -> bytes:
    """A TIFF of uint16 [H, W, 1 to 4], with a colour profile if there is one; uncompressed."""
    height, width, channels = pixels.shape
    values: dict[int, tuple[int, bytes]] = {
        256: (_LONG, struct.pack("<I", width)),
        257: (_LONG, struct.pack("<I", height)),
        258: (_SHORT, struct.pack("<H", 16) * channels),  # bits of a value
        259: (_SHORT, struct.pack("<H", 1)),  # no compression
        262: (_SHORT, struct.pack("<H", 2 if channels > 2 else 1)),  # RGB, or 0 is black
        273: (_LONG, b"\0" * 4),  # where the pixels begin, filled in below
        277: (_SHORT, struct.pack("<H", channels)),
        278: (_LONG, struct.pack("<I", height)),  # all lines in one strip
        279: (_LONG, struct.pack("<I", pixels.size * 2)),
    }
    if channels in (2, 4):
        values[338] = (_SHORT, struct.pack("<H", 2))  # the last channel is opacity, not multiplied in
    if profile:
        values[34675] = (7, profile)
    return b"".join(_laid_out(values, pixels.astype("<u2").tobytes()))


def _laid_out(values: dict[int, tuple[int, bytes]], pixels: bytes) -> Iterator[bytes]:
    """A TIFF: its header, the directory of values, those that are longer than 4 bytes, the pixels."""
    place = _DIRECTORY + 2 + 12 * len(values) + 4
    long: list[bytes] = []
    placed = {}
    for tag, (_, data) in values.items():
        if len(data) > 4:
            placed[tag] = struct.pack("<I", place)
            long.append(data + b"\0" * (len(data) % 2))
            place += len(long[-1])
    placed[273] = struct.pack("<I", place)
    yield b"II*\0" + struct.pack("<I", _DIRECTORY) + struct.pack("<H", len(values))
    for tag, (kind, data) in sorted(values.items()):
        count = len(data) // {_SHORT: 2, _LONG: 4}.get(kind, 1)
        yield struct.pack("<HHI", tag, kind, count) + placed.get(tag, data.ljust(4, b"\0"))
    yield b"\0" * 4
    yield from long
    yield pixels


def _chunk(part: tuple[bytes, bytes]) -> bytes:
    name, data = part
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _args(tile: ImageFile._Tile) -> tuple[object, ...]:
    return tile.args if isinstance(tile.args, tuple) else (tile.args,)


def _renamed(tile: ImageFile._Tile, mode: str) -> ImageFile._Tile:
    """A part of a file that is to be taken for this raw mode."""
    args = (mode, *_args(tile)[1:])
    return tile._replace(args=args if isinstance(tile.args, tuple) else mode)
