"""An image file with all that is to come back: its size, depth, opacity, colours, camera's notes and format."""

import io
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageOps

from ..base.errors import UsageError
from ..data import decode, formats
from . import deep

KEPT = ("Make", "Model", "DateTime", "Artist", "Copyright", "ImageDescription", "Software")  # of a camera's notes
SAME = 2  # of 255: by so much the profiles that call themselves sRGB differ
_PARTS = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)


@dataclass(frozen=True)
class Original:
    """An image as it was given, upright, and what belongs to it."""

    pixels: np.ndarray  # [H, W, 1 or 3]: uint8 or uint16; of any range int32, uint32, float32; classes int64
    alpha: np.ndarray | None = None  # [H, W], of the same type: its opacity
    format: str = "PNG"  # Pillow's name of its file's format
    exif: bytes = b""  # what the camera noted, except for the rotation, which is undone
    profile: bytes = b""  # that its colours still need; b"" for those that are sRGB, or say nothing
    srgb: bool = False  # do its colours say what they are?
    pages: int = 1  # of its file, where this is the first
    notes: tuple[str, ...] = ()  # what of the file did not come over, in words

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def bits(self) -> int:
        """Of a channel; classes of a label map count as 8."""
        return 8 if self.pixels.dtype in (np.uint8, np.int64) else 16


def read(path: Path, max_megapixels: float, page: int = 0, any_range: bool = False, convert: bool = True) -> Original:
    """The image in this file. Raises decode.Unreadable.

    Colours of another profile are converted to sRGB, unless they are to stay as they are (`convert`) or have 16 bits.
    Inside of `decode.reading`.
    """
    with decode.opening(path, max_megapixels, page, any_range) as image:
        profile, form = image.info.get("icc_profile") or b"", image.format or "PNG"
        depth, grey = formats.depth(image), image.mode in ("LA", "La", "1", "L") or image.mode.startswith("I;16")
        pixels = _deep(image, path, page) if deep.raw_modes(image) else None
        if pixels is None and image.mode == "CMYK" and profile and convert:
            pixels, profile = _from_print(image, profile)
        if pixels is None:
            pixels = decode.pixels(image, path)
        exif = _exif(image)  # asked late: for it a PNG is read to its end
        pages = 1 if page else formats.pages(image)  # asked last: it goes through them all
    alpha = pixels[..., -1] if pixels.shape[2] in (2, 4) else None
    colours = pixels if alpha is None else pixels[..., :1] if grey or pixels.shape[2] == 2 else pixels[..., :3]
    told = (f"{depth} bits a channel were read as 8",) if depth > 8 and pixels.dtype == np.uint8 else ()
    original = Original(colours, alpha, form, exif, pages=pages, notes=told)
    return _coloured(original, profile, convert) if profile else original


def alone(path: Path, page: int = 0, max_megapixels: float = 50.0) -> Original:
    """`read` of one file by itself."""
    with decode.reading():
        return read(path, max_megapixels, page)


def of_array(array: np.ndarray) -> Original:
    """uint8 or uint16 [H, W], or [H, W, C] with 1 or 3 channels, or with opacity 2 or 4."""
    pixels = array[:, :, None] if array.ndim == 2 else array
    if pixels.shape[2] in (2, 4):
        return Original(pixels[..., :-1], pixels[..., -1])
    return Original(pixels)


def in_memory(image: object) -> Original:
    """An array uint8 or uint16 [H, W] or [H, W, C], or a picture of Pillow's. UsageError for what is neither."""
    if isinstance(image, Image.Image):
        return of_picture(image)
    if not isinstance(image, np.ndarray):
        kind = type(image).__name__
        raise UsageError(f"images are tensors, arrays, PIL images, paths, or lists of these, not {kind}")
    if 0 in image.shape:
        raise UsageError(f"an image of {[*image.shape]} has no pixels")
    if image.dtype not in (np.uint8, np.uint16) or image.ndim not in (2, 3) or (image.shape[2:] or (1,))[0] > 4:
        raise UsageError(
            "an image as an array is uint8 or uint16 [H, W] or [H, W, C] with 1 to 4 channels, not "
            f"{image.dtype} {[*image.shape]}"
        )
    return of_array(image)


def of_picture(image: Image.Image) -> Original:
    """A picture of Pillow's, upright; one with a transparent colour has opacity. UsageError for what is no picture."""
    form = image.format or "PNG"
    if 0 in image.size:
        raise UsageError("the picture has no pixels")
    image = ImageOps.exif_transpose(image)
    if image.mode in formats.ANY_RANGE:
        return Original(np.asarray(image)[..., None], format=form)
    if reason := formats.refusal(image, any_range=True):
        raise UsageError(f"the picture has {reason}")
    if image.mode.startswith("I;16"):
        return replace(of_array(np.asarray(image).astype(np.uint16)), format=form)
    if image.mode in ("LA", "La"):
        mode = "LA"
    elif image.has_transparency_data:
        mode = "RGBA"
    else:
        mode = "L" if image.mode in ("1", "L") else "RGB"
    return replace(of_array(np.asarray(image.convert(mode))), format=form)


def _deep(image: Image.Image, path: Path, page: int) -> np.ndarray | None:
    """Colours of 16 bits a channel, upright, uint16 [H, W, C]; None where the file cannot be read so."""
    clear = image.info.get("transparency")
    if {mode[:2] for mode in deep.raw_modes(image)} == {"LA"}:
        if image.format != "PNG":
            return None
        pixels = deep.grey_with_opacity(image)
        return _upright(pixels, image.getexif().get(ExifTags.Base.Orientation, 1))
    with path.open("rb") as file:
        low = formats.opened(file)
        if page:
            low.seek(page)
        deep.lower(low)
        halves = [np.asarray(ImageOps.exif_transpose(half)).astype(np.uint16) for half in (image, low)]
    pixels = halves[0] * np.uint16(256) + halves[1]
    if isinstance(clear, tuple):
        seen = np.where((pixels[..., :3] == clear).all(-1, keepdims=True), 0, 65535).astype(np.uint16)
        return np.concatenate([pixels[..., :3], seen], 2)
    return pixels


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """[H, W, C] as a camera that was held so saw it (EXIF's orientation, 1 to 8)."""
    flips = {2: (0, True), 3: (2, False), 4: (2, True), 5: (3, True), 6: (3, False), 7: (1, True), 8: (1, False)}
    turns, mirrored = flips.get(orientation, (0, False))
    pixels = np.rot90(pixels, turns)
    return np.ascontiguousarray(pixels[:, ::-1] if mirrored else pixels)


def _exif(image: Image.Image) -> bytes:
    """What the camera noted that does not describe the file itself; b"" for nothing."""
    try:
        found, kept = image.getexif(), Image.Exif()
        for name in KEPT:
            tag = int(ExifTags.Base[name])
            if tag in found:
                kept[tag] = found[tag]
        for part in _PARTS:
            if values := found.get_ifd(part):
                kept.get_ifd(part).update(values)
        return kept.tobytes() if len(kept) or any(kept.get_ifd(part) for part in _PARTS) else b""
    except Exception:  # a damaged note is none; the pixels are what counts
        return b""


def _from_print(image: Image.Image, profile: bytes) -> tuple[np.ndarray | None, bytes]:
    """A picture in inks as sRGB by its own profile, and no further one; None where the profile is of no use."""
    try:
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        upright = ImageOps.exif_transpose(image)
        made = ImageCms.profileToProfile(upright, given, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None, b""
    return np.asarray(made), b""


def _is_srgb(profile: ImageCms.ImageCmsProfile) -> bool:
    """Does it leave colours as they are? Its name is no proof: some called sRGB are linear, some have no name."""
    steps = np.arange(0, 256, 17).astype(np.uint8)
    colours = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(-1, 64, 3)
    made = ImageCms.profileToProfile(
        Image.fromarray(colours), profile, ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    return bool(np.abs(np.asarray(made).astype(int) - colours).max() <= SAME)


def _coloured(original: Original, profile: bytes, convert: bool) -> Original:
    """Its colours as sRGB, or with the profile that they still need."""
    try:
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        kind = str(given.profile.xcolor_space).strip()
        if kind == "RGB" and _is_srgb(given):
            return replace(original, srgb=True)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return replace(original, notes=(*original.notes, "its colour profile cannot be read, and was left out"))
    pixels = original.pixels
    fits = (kind, pixels.shape[2]) in (("RGB", 3), ("GRAY", 1))
    if not fits:
        return replace(original, notes=(*original.notes, f"its colour profile is for {kind}, and was left out"))
    if not convert or pixels.dtype != np.uint8:
        why = "its colour profile is kept, not converted: that is done of 8 bits alone"
        return replace(original, profile=profile, notes=original.notes if not convert else (*original.notes, why))
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    try:
        made = ImageCms.profileToProfile(picture, given, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, ValueError):
        return replace(original, notes=(*original.notes, "its colour profile cannot be used, and was left out"))
    seen = np.asarray(made)
    return replace(original, pixels=seen if pixels.shape[2] == 3 else seen[..., 1:2], srgb=True)
