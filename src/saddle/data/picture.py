"""A picture's numbers, [H, W, C] of 8 or 16 bits: their range, channels, bits and size. No file is read here."""

import numpy as np
from PIL import Image, ImageColor, ImageOps

from ..base.errors import UsageError
from .options import Fit, Range

Colour = tuple[int, int, int]  # red, green and blue, 0 … 255
_GREY = np.array([[0.299], [0.587], [0.114]])  # ITU-R 601


def colour(name: str) -> Colour:
    """Red, green and blue of a colour's name, 0 … 255 each."""
    try:
        red, green, blue = ImageColor.getrgb(name)[:3]
    except ValueError:
        raise UsageError(f"data.background is {name!r}; give a colour such as white, black, grey or #80a0ff") from None
    return red, green, blue


def ranged(picture: np.ndarray, limits: Range | None, bits: int, opacity: bool = False) -> np.ndarray:
    """The values from the lowest to the highest of `limits` spread over all of 8 or 16 bits; others are clipped.

    The limits are those of data of so many bits: pictures of 8 bits among such of 16, and of 16 among such of 8, keep
    their own. So does opacity, if the last channel is that.
    """
    if limits is None or (picture.dtype, bits) in ((np.uint8, 16), (np.uint16, 8)):
        return picture
    low, high = limits
    kind = np.uint8 if picture.dtype == np.uint8 else np.uint16
    top = np.iinfo(kind).max
    spread = np.rint(((picture - np.float64(low)) / (high - low)).clip(0, 1) * top).astype(kind)
    if opacity:
        spread[..., -1] = picture[..., -1]
    return spread


def opaque(picture: np.ndarray, background: Colour) -> np.ndarray:
    """A picture of red, green, blue and opacity on the background; others as they are."""
    if picture.shape[-1] != 4:
        return picture
    if picture.dtype == np.uint8:
        canvas = Image.new("RGBA", picture.shape[1::-1], (*background, 255))
        canvas.alpha_composite(Image.fromarray(picture))
        return np.asarray(canvas.convert("RGB"))
    share = picture[..., 3:] / np.iinfo(picture.dtype).max
    behind = np.array(background) * 257.0
    return np.rint(share * picture[..., :3] + (1 - share) * behind).astype(picture.dtype)


def with_channels(picture: np.ndarray, channels: int) -> np.ndarray:
    """[…, C] with 1 or 3 channels as asked: grey three times, or the luminance (ITU-R 601) of a colour."""
    given = picture.shape[-1]
    if given == channels:
        return picture
    if (given, channels) == (1, 3):
        return np.repeat(picture, 3, axis=-1)
    if (given, channels) == (3, 1):
        return (picture @ _GREY).round().astype(picture.dtype)
    raise UsageError(
        f"data.channels is {channels}, but the images have {given} channels; only 1 and 3 can be exchanged"
    )


def with_opacity(picture: np.ndarray) -> np.ndarray:
    """Red, green, blue and opacity, [H, W, 4]; a picture without the last is opaque everywhere."""
    if picture.shape[-1] == 4:
        return picture
    whole = np.full((*picture.shape[:2], 1), np.iinfo(picture.dtype).max, picture.dtype)
    return np.concatenate([with_channels(picture, 3), whole], 2)


def with_bits(picture: np.ndarray, bits: int) -> np.ndarray:
    """8 bits stretched over 16, if 16 are asked for: 255 becomes 65535."""
    return picture.astype(np.uint16) * np.uint16(257) if (bits, picture.dtype) == (16, np.uint8) else picture


def fitted(
    picture: np.ndarray,
    height: int,
    width: int,
    fit: Fit = "crop",
    background: Colour = (255, 255, 255),
    opacity: bool = False,
) -> np.ndarray:
    """[H, W, C] in another size, resized with antialiasing (bicubic).

    `crop` takes the centre of the asked proportions, `pad` lays the whole picture on the background, `squash` and
    `scale-width`, whose sides `sizes.brought` chose, give up its proportions. With `opacity`, the last channel, colours
    count as much as they are seen.
    """
    if picture.shape[:2] == (height, width):
        return picture
    if fit == "pad":
        return _padded(picture, height, width, background, opacity)
    if opacity:
        return _seen(picture, height, width, fit)
    if picture.dtype == np.uint8 and picture.shape[2] == 3:
        return np.asarray(_resized(Image.fromarray(picture), height, width, fit))
    return _whole(_bands(picture, height, width, fit), picture.dtype)


def nearest(picture: np.ndarray, height: int, width: int, fit: Fit = "crop", beyond: int = 0) -> np.ndarray:
    """[H, W, C] of whole numbers in another size, brought there as `fitted` does: each pixel takes the nearest value.

    `beyond` is what stands around a picture that is padded.
    """
    have = picture.shape[:2]
    if have == (height, width):
        return picture
    if fit == "pad":
        scale = min(height / have[0], width / have[1])
        high, wide = (max(1, round(side * scale)) for side in have)
        canvas = np.full((height, width, picture.shape[2]), beyond, picture.dtype)
        top, left = (height - high) // 2, (width - wide) // 2
        canvas[top : top + high, left : left + wide] = nearest(picture, high, wide, "squash")
        return canvas
    tall, broad = have
    if fit == "crop":  # as large a piece of the asked proportions as there is
        scale = min(tall / height, broad / width)
        tall, broad = height * scale, width * scale
    rows, columns = (
        ((whole - part) / 2 + (np.arange(n) + 0.5) * part / n).astype(np.int64).clip(0, whole - 1)
        for whole, part, n in zip(have, (tall, broad), (height, width), strict=True)
    )
    return picture[rows[:, None], columns]


def kept(height: int, width: int, sides: tuple[int, ...]) -> float:
    """The share of a picture's area that is left when its centre is cut in the proportions of `sides`."""
    have, want = height * sides[1], width * sides[0]
    return min(have, want) / max(have, want)


def _resized(picture: Image.Image, height: int, width: int, fit: Fit) -> Image.Image:
    if fit in ("squash", "scale-width"):
        return picture.resize((width, height), Image.Resampling.BICUBIC)
    return ImageOps.fit(picture, (width, height), Image.Resampling.BICUBIC)


def _bands(picture: np.ndarray, height: int, width: int, fit: Fit) -> np.ndarray:
    """Every channel by itself, as floats."""
    bands = [Image.fromarray(np.ascontiguousarray(band, np.float32)) for band in np.moveaxis(picture, 2, 0)]
    return np.stack([np.asarray(_resized(band, height, width, fit)) for band in bands], 2)


def _whole(picture: np.ndarray, kind: np.dtype) -> np.ndarray:
    return picture.round().clip(0, np.iinfo(kind).max).astype(kind)


def _seen(picture: np.ndarray, height: int, width: int, fit: Fit) -> np.ndarray:
    """Colours are averaged by their opacity: what a transparent pixel hides must not come out at an edge."""
    top = np.iinfo(picture.dtype).max
    share = picture[..., 3:] / top
    bands = _bands(np.concatenate([picture[..., :3] * share, picture[..., 3:]], 2), height, width, fit)
    opacity = bands[..., 3:].clip(0, top)
    colours = bands[..., :3] / np.maximum(opacity / top, 1 / top)
    return _whole(np.concatenate([colours, opacity], 2), picture.dtype)


def _padded(picture: np.ndarray, height: int, width: int, background: Colour, opacity: bool) -> np.ndarray:
    scale = min(height / picture.shape[0], width / picture.shape[1])
    high, wide = (max(1, round(side * scale)) for side in picture.shape[:2])
    inner = fitted(picture, high, wide, "squash", opacity=opacity)
    canvas = np.empty((height, width, picture.shape[2]), picture.dtype)
    canvas[:] = _backdrop(picture, background, opacity)
    top, left = (height - high) // 2, (width - wide) // 2
    canvas[top : top + high, left : left + wide] = inner
    return canvas


def _backdrop(picture: np.ndarray, background: Colour, opacity: bool) -> np.ndarray:
    """The background in a picture's channels: its colour, else its brightness in each; behind opacity it is clear."""
    behind = np.array(background, np.uint8)[None, None]
    channels = picture.shape[2]
    if opacity:
        behind = np.concatenate([behind, np.zeros((1, 1, 1), np.uint8)], 2)
    elif channels != 3:
        behind = np.repeat(with_channels(behind, 1), channels, 2)
    return with_bits(behind, 8 * picture.dtype.itemsize)


def spread_colours(picture: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    """[H, W, C] whose clear pixels have the colours of those around them that are seen; others stay as they are.

    The colours are means over squares of 2, 4, 8, … pixels, weighted by opacity [H, W]: the smallest with any in it.
    """
    if opacity.min() > 0 or opacity.max() == 0:
        return picture
    share = opacity[..., None] / np.iinfo(opacity.dtype).max
    colours, found = (picture * share).astype(np.float64), share.astype(np.float64)
    spread, done = picture.astype(np.float64), opacity > 0
    rows, columns = (np.arange(side) for side in opacity.shape)
    while not done.all():
        colours, found = _halved(colours), _halved(found)
        rows, columns = rows // 2, columns // 2
        mean = colours / np.maximum(found, 1e-12)
        at = rows[:, None], columns[None]
        new = ~done & (found[..., 0][at] > 0)
        spread[new] = mean[at][new]
        done |= new
    return _whole(spread, picture.dtype)


def _halved(x: np.ndarray) -> np.ndarray:
    """[H, W, C] → sums over squares of 2 pixels."""
    height, width = (side + side % 2 for side in x.shape[:2])
    whole = np.pad(x, ((0, height - x.shape[0]), (0, width - x.shape[1]), (0, 0)))
    return whole[::2, ::2] + whole[1::2, ::2] + whole[::2, 1::2] + whole[1::2, 1::2]
