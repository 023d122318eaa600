"""Files of images, byte by byte, for what no encoder here writes."""

import struct
import zlib

import numpy as np


def chunk(name: bytes, data: bytes, right: bool = True) -> bytes:
    """A part of a PNG; with a false checksum if it is not to be right."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data) ^ (not right))


def png(values: np.ndarray, bits: int, kind: int, before: bytes = b"", end: bytes | None = None) -> bytes:
    """Values [H, W, C]; kind 0 is grey, 2 colour, 3 a palette, 4 grey with opacity, 6 colour with opacity."""
    height, width = values.shape[:2]
    if bits < 8:
        every = np.unpackbits(values.astype(np.uint8)[..., None], axis=-1)[..., 8 - bits :]
        lines = np.packbits(every.reshape(height, -1), axis=1)
    else:
        lines = values.astype(f">u{bits // 8}")
    data = b"".join(b"\0" + line.tobytes() for line in lines)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(data))
    return b"\x89PNG\r\n\x1a\n" + header + before + pixels + (chunk(b"IEND", b"") if end is None else end)


def tiff(values: np.ndarray, order: str = "<", white_is_zero: bool = False, planes: bool = False) -> bytes:
    """Values [H, W, C] of any type as one uncompressed strip, or one for each channel."""
    height, width, channels = values.shape
    data = (np.moveaxis(values, 2, 0) if planes else values).astype(values.dtype.newbyteorder(order)).tobytes()
    strips = channels if planes else 1
    start, kind = 2048, {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    photometric = 2 if channels >= 3 else 0 if white_is_zero else 1
    tags: list[tuple[int, str, list[int]]] = [
        (256, "I", [width]),
        (257, "I", [height]),
        (258, "H", [8 * values.itemsize] * channels),
        (259, "H", [1]),
        (262, "H", [photometric]),
        (273, "I", [start + i * len(data) // strips for i in range(strips)]),
        (277, "H", [channels]),
        (278, "I", [height]),
        (279, "I", [len(data) // strips] * strips),
        (284, "H", [2 if planes else 1]),
        *([(338, "H", [2])] if channels == 4 else []),
        (339, "H", [kind] * channels),
    ]
    table, over = struct.pack(order + "H", len(tags)), b""
    for tag, form, numbers in tags:
        packed = struct.pack(order + form * len(numbers), *numbers)
        if len(packed) > 4:
            place, over = struct.pack(order + "I", 1024 + len(over)), over + packed + b"\0" * (len(packed) % 2)
        else:
            place = packed.ljust(4, b"\0")
        table += struct.pack(order + "HHI", tag, {"H": 3, "I": 4}[form], len(numbers)) + place
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8) + table + bytes(4)
    return head.ljust(1024, b"\0") + over.ljust(1024, b"\0") + data


def bmp(width: int, height: int, bits: int, data: bytes, compression: int = 0, masks: tuple[int, ...] = ()) -> bytes:
    """Lines from the bottom, or from the top if the height is negative; 8 bits have a palette of greys."""
    palette = b"".join(bytes([i, i, i, 0]) for i in range(256)) if bits == 8 else b""
    extra = struct.pack(f"<{len(masks)}I", *masks) + palette
    start = 54 + len(extra)
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(data), 0, 0, len(palette) // 4, 0)
    return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + info + extra + data
