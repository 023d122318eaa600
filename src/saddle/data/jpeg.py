"""A JPEG whose pixels are all there, but not the mark that ends it."""

import io

import numpy as np
from PIL import Image

END = b"\xff\xd9"
# What may follow the pixels, of sixteen beginnings. Whole pixels stay the same whatever follows; missing ones do not.
_TAILS = [bytes((16 * i + 15 * (i % 2) - (i == 15) + (31 + 14 * i) * j) % 255 for j in range(512)) for i in range(16)]


def ended(data: bytes) -> Image.Image | None:
    """The decoded image of a file without its end mark, in one scan; None where pixels are missing.

    A decoder fills in grey for what is missing and tells nobody. So it is asked several times, with other bytes behind
    the data: only where all pixels are there does it read none of them.
    """
    first = _with_tail(data, b"")
    pixels = np.asarray(first)
    return first if all(np.array_equal(pixels, np.asarray(_with_tail(data, tail))) for tail in _TAILS) else None


def _with_tail(data: bytes, tail: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data.rstrip(b"\xff") + tail + END), formats=["JPEG"])
    image.load()
    return image


def one_scan(data: bytes) -> bool:
    """Is this a sequential JPEG, Huffman coded, all of whose colours come in one scan without restarts?

    Only of these can `ended` say what is missing: whole scans may be, and at a restart a decoder reads no other bytes.
    """
    place, colours = 2, -1
    while data[place : place + 1] == b"\xff" and place + 10 < len(data):
        kind, size = data[place + 1], int.from_bytes(data[place + 2 : place + 4])
        if kind == 0xDA:
            return data[place + 4] == colours and place + 2 + size <= len(data)
        if kind == 0xDD or (0xC2 <= kind <= 0xCF and kind != 0xC4):  # restarts; a progressive one, or another coding
            return False
        if kind in (0xC0, 0xC1):
            colours = data[place + 9]
        place += 2 + size
    return False
