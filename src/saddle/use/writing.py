"""Images back to files: each format holds what it can of depth, opacity, colours and a camera's notes."""

import io
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin

from ..base.errors import UsageError, near
from ..base.files import replace
from ..data.picture import opaque, with_bits
from . import deep
from .original import Original

Depth = Literal["8", "16", "same"]
NAMED = {"png": ".png", "jpg": ".jpg", "webp": ".webp", "tiff": ".tif"}  # how a format is asked for → its suffix
KINDS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
}
DEEP = ("PNG", "TIFF")  # formats of 16 bits
CLEAR = ("PNG", "TIFF", "WEBP")  # formats with opacity
EXACT = ("PNG", "TIFF", "WEBP", "BMP")  # formats from which every value comes back
MOST = {"JPEG": 65_535, "WEBP": 16_383}  # pixels a side
_ABOUT: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"lossless": True, "exact": True},  # exact: colours under clear pixels too
    "TIFF": {"compression": "tiff_adobe_deflate"},
}
_SRGB = b"\0"  # of a PNG: perceptual intent


@dataclass(frozen=True)
class Form:
    """How results are written."""

    suffix: str | None = ".png"  # None: that of the input
    depth: Depth = "same"  # bits a channel: 8, 16 or those of the input
    keep_exif: bool = False  # may carry places and names

    def of(self, name: str) -> str:
        """The suffix of the result of a file; PNG for what is read but not written."""
        own = Path(name).suffix
        return self.suffix or (own if own.lower() in KINDS else ".png")

    def bits(self, original: Original, kind: str) -> int:
        """Bits a channel of the result."""
        wanted = original.bits if self.depth == "same" else int(self.depth)
        return wanted if kind in DEEP else 8


def check(form: Form, suffix: str) -> None:
    """UsageError for a format that is not written, or that cannot hold what was asked for."""
    if suffix.lower() not in KINDS:
        raise UsageError(f"images are not written as '{suffix}'{near(suffix, KINDS)}; there are {', '.join(KINDS)}")
    if form.depth == "16" and (kind := KINDS[suffix.lower()]) not in DEEP:
        raise UsageError(f"{kind} holds 8 bits a channel, and --depth 16 was asked for; PNG and TIFF hold 16")


def write(path: Path, pixels: np.ndarray, alpha: np.ndarray | None, original: Original, form: Form) -> None:
    """Write an image [H, W, 1 or 3] with its opacity [H, W], both uint8 or both uint16, whole or not at all.

    `original` is what it was made from. UsageError for opacity in a format that has none, and for a size that it does
    not hold.
    """
    kind = KINDS[path.suffix.lower()]
    if alpha is not None and kind not in CLEAR:
        raise UsageError(f"{kind} holds no opacity; choose --alpha flatten, or --format png, tiff or webp")
    whole = pixels if alpha is None else np.concatenate([pixels, alpha[..., None]], 2)
    try:
        data = encoded(whole, kind, original, form.keep_exif)
    except (ValueError, OSError, struct.error, OverflowError) as error:  # encoders raise any of these
        height, width = whole.shape[:2]
        most = f", at most {MOST[kind]:,} a side" if kind in MOST else ""
        raise UsageError(
            f"{height}×{width} pixels (height × width) were not written as {kind}{most} ({error}); choose --format png "
            "or tiff"
        ) from None
    replace(path, data)


def write_map(path: Path, classes: np.ndarray, palette: tuple[tuple[int, int, int], ...]) -> None:
    """Write a class for every pixel, [H, W], as an indexed PNG whose colours are those of the palette.

    Of more than 256 classes the numbers, as grey of 16 bits.
    """
    few = len(palette) <= 256
    image = Image.fromarray(classes.astype(np.uint8 if few else np.uint16))
    if palette and few:
        image.putpalette([value for colour in palette for value in colour])
    data = io.BytesIO()
    image.save(data, "PNG")
    replace(path, data.getvalue())


def encoded(pixels: np.ndarray, kind: str, original: Original, keep_exif: bool = False) -> bytes:
    """A file of this format of uint8 or uint16 [H, W, 1 to 4], with the colour profile of the original."""
    channels = pixels.shape[2]
    exif = original.exif if keep_exif else b""
    profile = original.profile if _fits(original.profile, channels) else b""
    if not profile and original.srgb and channels > 2 and kind != "PNG":
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    if pixels.dtype == np.uint16:
        if kind == "TIFF":
            return deep.tiff(pixels, profile, exif)
        return deep.png(pixels, _chunks(profile, original.srgb, exif))
    about: dict[str, Any] = {**_ABOUT.get(kind, {})}
    if kind == "PNG" and original.srgb and not profile:
        info = PngImagePlugin.PngInfo()
        info.add(b"sRGB", _SRGB)
        about["pnginfo"] = info
    about |= {"icc_profile": profile} if profile else {}
    if exif and kind != "BMP":
        about |= {"exif": exif, "compression": None}  # libtiff, which compresses, writes no notes with places
    data = io.BytesIO()
    picture(pixels).save(data, kind, **about)
    return data.getvalue()


def picture(pixels: np.ndarray) -> Image.Image:
    """uint8 [H, W, 1 to 4] as Pillow's; of uint16 grey alone keeps its 16 bits."""
    if pixels.dtype == np.uint16 and pixels.shape[2] > 1:
        pixels = to_bits(pixels, 8)
    return Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels))


def to_bits(values: np.ndarray, bits: int) -> np.ndarray:
    """uint8 or uint16 values with 8 or 16 bits: 255 becomes 65535, and back with rounding."""
    if bits == 16 or values.dtype == np.uint8:
        return with_bits(values, bits)
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)


def flattened(pixels: np.ndarray, alpha: np.ndarray, background: tuple[int, int, int]) -> np.ndarray:
    """[H, W, 1 or 3] on a background; grey stays grey, with the background's brightness behind it."""
    colours = np.repeat(pixels, 3, 2) if pixels.shape[2] == 1 else pixels
    if pixels.shape[2] == 1:
        background = (round(sum(x * w for x, w in zip(background, (0.299, 0.587, 0.114), strict=True))),) * 3
    laid = opaque(np.concatenate([colours, alpha[..., None]], 2), background)
    return laid[..., :1] if pixels.shape[2] == 1 else laid


def _fits(profile: bytes, channels: int) -> bool:
    """Is this profile for so many channels? Bytes 16 to 20 say for which colours it is."""
    return {b"RGB ": (3, 4), b"GRAY": (1, 2)}.get(profile[16:20], ()).__contains__(channels)


def _chunks(profile: bytes, srgb: bool, exif: bytes) -> dict[bytes, bytes]:
    """What a PNG says beside its pixels."""
    chunks = {}
    if profile:
        chunks[b"iCCP"] = b"ICC\0\0" + zlib.compress(profile)
    elif srgb:
        chunks[b"sRGB"] = _SRGB
    if exif:
        chunks[b"eXIf"] = exif.removeprefix(b"Exif\0\0")
    return chunks
