"""Pictures to look at: grids of samples, clouds of points, translations side by side, animations."""

import io
import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn

from ..base.errors import SaddleError
from ..base.files import replace

NAMED = 192  # pixels that a name may take under a smaller picture, or a word over one
READABLE = 64  # pixels: smaller images are enlarged to about this
BACKGROUND = (24, 24, 27)
PAPER = (250, 250, 249)
REAL, FAKE = (96, 118, 148, 130), (221, 84, 24, 150)  # grey-blue, orange; red, green, blue, opacity
HIGH, LOW = (156, 190, 234), (250, 197, 158)  # of a landscape: what is held to be real in their blue, fake in orange
INK = (92, 98, 109)
STRIP = 28  # pixels: the line under a landscape
LINE, LINES = 16, 4  # pixels of a line over a column of images, and how many lines it has at most

Landscape = Callable[[Tensor], Tensor | None]  # points [N, 2] → a value for each [N], or None: no landscape


def to_uint8(x: Tensor) -> Tensor:
    """Images in [-1, 1] as uint8 in 0 … 255, rounded and clamped, NaN as black; uint8 stays, uint16 shrinks.

    Any shape → same shape
    """
    if x.dtype == torch.uint8:
        return x
    if x.dtype == torch.uint16:
        return (x.float() / 257).round().to(torch.uint8)
    return ((x.detach().float().nan_to_num(nan=-1.0) + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def to_uint16(x: Tensor, low: float = 0, high: float = 65535) -> Tensor:
    """Images in [-1, 1] as uint16 from `low` to `high`, rounded and clamped, NaN as the lowest; on the processor.

    Any shape → same shape
    """
    unit = (x.detach().double().nan_to_num(nan=-1.0).clamp(-1, 1) + 1) / 2
    return (low + unit * (high - low)).round().to(torch.int32).cpu().to(torch.uint16)


def sheet(
    columns: Mapping[str, Tensor] | Sequence[tuple[str, Tensor]], landscape: Landscape | None = None, title: str = ""
) -> Image.Image:
    """What a game shows: images, points [N, D] or signals [N, C, T], real or drawn, by caption; `title` is for plots.

    Columns by name stand side by side, one without a name is a grid; pairs are lines of images under their captions.
    Maps int64 [N, H, W] show every class in a colour of its own.
    """
    if not isinstance(columns, Mapping):
        texts = [text for text, _ in columns]
        return captioned(torch.cat([images.float().cpu() for _, images in columns]), texts)
    shown = {name: x.float().cpu() if x.is_floating_point() else x.cpu() for name, x in columns.items()}
    first = next(iter(shown.values()))
    if first.ndim == 2:
        real, *fake = shown.values()
        return scatter(real, fake[0] if fake else None, landscape=landscape, title=title or None)
    if first.ndim == 3 and first.is_floating_point():
        return waves(shown, title)
    return grid(first) if list(shown) == [""] else rows(shown)


def grid(images: Tensor, columns: int | None = None, padding: int = 2, scale: int | None = None) -> Image.Image:
    """All `images` [N, C, H, W], uint8 or float in [-1, 1], row by row in one RGB picture.

    `columns` is ⌈√N⌉ unless given; `padding` pixels lie between and around the images. Small images are enlarged
    `scale` times, by default to about 64 pixels. One channel shows as grey, two as red and green; of more than three
    the first three show. Raises SaddleError for anything but at least one image.
    """
    pixels = rgb(images)
    n, h, w, _ = pixels.shape
    scale = scale or max(1, READABLE // max(h, w))
    columns = min(columns or math.ceil(math.sqrt(n)), n)
    lines = math.ceil(n / columns)
    high, wide = h * scale, w * scale
    sheet = Image.new("RGB", (padding + columns * (wide + padding), padding + lines * (high + padding)), BACKGROUND)
    for i, one in enumerate(pixels):
        row, column = divmod(i, columns)
        picture = Image.fromarray(one.numpy()).resize((wide, high), Image.Resampling.NEAREST)
        sheet.paste(picture, (padding + column * (wide + padding), padding + row * (high + padding)))
    return sheet


def plain(image: Tensor) -> Image.Image:
    """One image [C, H, W], pixel for pixel: grey stays grey, of four channels the last is opacity.

    uint8, uint16 or float in [-1, 1]. Grey keeps 16 bits; other numbers of channels show as in a grid.
    """
    if image.dtype == torch.uint16 and len(image) == 1:
        return Image.fromarray(image[0].cpu().numpy())
    pixels = to_uint8(image).cpu().permute(1, 2, 0).contiguous().numpy()
    channels = pixels.shape[2]
    if channels not in (1, 3, 4):
        return grid(image[None], padding=0, scale=1)
    return Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels)


def rows(images: Mapping[str, Tensor], padding: int = 2, scale: int | None = None) -> Image.Image:
    """One row a sample, one captioned column for each entry of `images`: input | output | back.

    Entries are [N, C, H, W] as for `grid` and may differ in size: each is enlarged to the largest. There are as many
    rows as the shortest entry has images. A caption has up to four lines; a word that is wider than the images makes
    its column wider.
    """
    if not images:
        raise SaddleError("rows of pictures need at least one column; none was given")
    columns = {name: rgb(x) for name, x in images.items()}
    h, w = (max(x.shape[axis] for x in columns.values()) for axis in (1, 2))
    scale = scale or max(1, READABLE // max(h, w))
    high, wide, n = h * scale, w * scale, min(len(x) for x in columns.values())
    font = ImageFont.load_default(size=13)
    heads = [_heading(name, font, wide) for name in columns]
    widths = [max(wide, *(math.ceil(font.getlength(line)) for line in head)) for head in heads]
    top = 4 + LINE * max(map(len, heads))
    sheet = Image.new("RGB", (padding + sum(widths) + padding * len(widths), top + n * (high + padding)), BACKGROUND)
    draw, left = ImageDraw.Draw(sheet), padding
    for pixels, head, width in zip(columns.values(), heads, widths, strict=True):
        for k, line in enumerate(head):
            draw.text((left + width / 2, top - 2 - LINE * (len(head) - k - 0.5)), line, PAPER, font, anchor="mm")
        for i in range(n):
            picture = Image.fromarray(pixels[i].numpy()).resize((wide, high), Image.Resampling.NEAREST)
            sheet.paste(picture, (left + (width - wide) // 2, top + i * (high + padding)))
        left += width + padding
    return sheet


def _heading(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> list[str]:
    """`text` in up to four lines of `width` pixels; a word may be wider, up to NAMED, and what is left ends with …"""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    whole = max(width, min(NAMED, max(math.ceil(font.getlength(line)) for line in lines)))
    lines[LINES - 1 :] = [" ".join(lines[LINES - 1 :])] if len(lines) > LINES else lines[LINES - 1 :]
    return [_fitting(line, font, whole) for line in lines]


def captioned(images: Tensor, texts: Sequence[str], padding: int = 2, scale: int | None = None) -> Image.Image:
    """Under each text, shortened where it must be, its equal share of the images [N, C, H, W], up to eight a line."""
    if not texts or len(images) % len(texts):
        raise SaddleError(f"{len(images)} images cannot be shared out evenly among {len(texts)} texts")
    share, line = len(images) // len(texts), 20
    grids = [grid(part, min(share, 8), padding, scale) for part in images.split(share)]
    width, height = grids[0].size
    sheet = Image.new("RGB", (width, len(texts) * (line + height)), BACKGROUND)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=13)
    for i, (text, picture) in enumerate(zip(texts, grids, strict=True)):
        top = i * (line + height)
        draw.text((padding, top + line / 2), _fitting(text, font, width - 2 * padding), PAPER, font, anchor="lm")
        sheet.paste(picture, (0, top + line))
    return sheet


def named(
    rows: Sequence[Sequence[tuple[str, Image.Image]]], heads: Sequence[str] = (), padding: int = 8
) -> Image.Image:
    """Pictures row by row, each over its name, or the end of a long one, and `heads` over the columns."""
    if not rows or not all(rows):
        raise SaddleError("a sheet needs at least one row of pictures; none was given")
    line, font, wide = 20, ImageFont.load_default(size=13), [0] * max(map(len, rows))
    rows = [[(_ending(name, font, max(picture.width, NAMED)), picture) for name, picture in row] for row in rows]
    for row in rows:
        for k, (name, picture) in enumerate(row):
            wide[k] = max(wide[k], picture.width, math.ceil(font.getlength(name)))
    high = [max(picture.height for _, picture in row) for row in rows]
    left = [padding + sum(wide[:k]) + k * padding for k in range(len(wide) + 1)]
    sheet = Image.new("RGB", (left[-1], padding + line * bool(heads) + sum(high) + len(rows) * (line + padding)), PAPER)
    draw, top = ImageDraw.Draw(sheet), padding
    for k, head in enumerate(heads):
        draw.text((left[k], top + line / 2), _fitting(head, font, wide[k]), INK, font, anchor="lm")
    top += line * bool(heads)
    for row, height in zip(rows, high, strict=True):
        for k, (name, picture) in enumerate(row):
            sheet.paste(picture, (left[k], top))
            draw.text((left[k], top + height + line / 2), name, INK, font, anchor="lm")
        top += height + line + padding
    return sheet


def scatter(
    real: Tensor,
    fake: Tensor | None = None,
    size: int = 480,
    landscape: Landscape | None = None,
    title: str | None = None,
) -> Image.Image:
    """Points real and fake [N, D] in a square of `size` pixels: real in grey-blue, fake over them in orange.

    The first two coordinates are drawn, on axes that the real points set; points of one coordinate are drawn as their
    cumulative distribution. Points that are not finite, and fakes beyond the axes, are not seen. Behind points in the
    plane lies `landscape` as a smooth field with ten isolines, from orange (low) to blue (high): from 0 to 1 if that
    holds all its values, else from the least to the greatest. A line below has the `title` and this scale.
    """
    clouds = [_plane(real), _plane(fake if fake is not None else real[:0])]
    if not len(clouds[0]):
        raise SaddleError("a scatter takes its axes from the real points; none of those given is finite")
    low, high = clouds[0].amin(0), clouds[0].amax(0)
    centre, half = (low + high) / 2, (high - low).clamp_min(1e-6) / 2 * 1.15
    if real.shape[1] > 1:
        half = half.max()  # one scale for both axes: circles stay circles
    fine = 3  # drawn larger and reduced: antialiasing
    field, limits = None, None
    if landscape and real.shape[1] == 2:
        field, limits = _field(landscape, centre, half)
    canvas = Image.new("RGB", (size * fine, size * fine), PAPER) if field is None else _tinted(field, size * fine)
    draw = ImageDraw.Draw(canvas, "RGBA")
    radius = fine * size / 480 * (2.4 if len(clouds[0]) <= 2000 else 1.5)
    for cloud, colour in zip(clouds, (REAL, FAKE), strict=True):
        spots = ((cloud - centre) / half * torch.tensor([1.0, -1.0]) + 1) / 2 * size * fine
        inside = ((spots > -radius) & (spots < size * fine + radius)).all(1)
        for x, y in spots[inside].tolist():
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    square = canvas.resize((size, size), Image.Resampling.LANCZOS)
    return square if title is None and limits is None else _captioned(square, title or "", limits)


def waves(signals: Mapping[str, Tensor], title: str = "", width: int = 320, height: int = 48) -> Image.Image:
    """Signals [N, C, T] as curves: a column for each entry, a line for each sample, all on the scale of the first."""
    if not signals or any(x.ndim != 3 or 0 in x.shape for x in signals.values()):
        raise SaddleError("waves are made of signals [N, C, T], at least one of them")
    first = next(iter(signals.values())).detach().float().cpu()
    middle, reach = float(first.amin() + first.amax()) / 2, max(float(first.amax() - first.amin()) / 2, 1e-6) * 1.1
    lines, fine, strip = min(map(len, signals.values())), 2, 20
    canvas = Image.new("RGB", (len(signals) * width * fine, (strip + lines * height) * fine), PAPER)
    draw, font = ImageDraw.Draw(canvas, "RGBA"), ImageFont.load_default(size=13 * fine)
    for k, (name, x) in enumerate(signals.items()):
        caption_ = f"{name}   {title}" if k == 0 else name
        draw.text(((k * width + 8) * fine, strip * fine / 2), caption_, INK, font, anchor="lm")
        for i, sample in enumerate(x.detach().float().cpu()[:lines]):
            for j, channel in enumerate(sample.nan_to_num()):
                level = ((channel - middle) / reach).clamp(-1, 1)
                xs = torch.linspace(k * width + 4, (k + 1) * width - 4, len(level)) * fine
                ys = (strip + i * height + height / 2 - level * (height / 2 - 2)) * fine
                colour = (REAL, FAKE)[(k + j) % 2][:3]
                draw.line(list(zip(xs.tolist(), ys.tolist(), strict=True)), fill=colour, width=2 * fine)
    return canvas.resize((canvas.width // fine, canvas.height // fine), Image.Resampling.LANCZOS)


def caption(image: Image.Image, at: tuple[float, float], text: str) -> None:
    """Write `text` on the image, its left end and middle `at` (x, y)."""
    ImageDraw.Draw(image).text(at, text, INK, ImageFont.load_default(size=13), anchor="lm")


def animation(
    images: Sequence[Image.Image],
    path: str | os.PathLike[str],
    seconds: float = 0.2,
    rest: float = 6,
    method: Image.Quantize = Image.Quantize.MEDIANCUT,
) -> Path:
    """Write `images` as an endless GIF or WebP, `seconds` a picture and `rest` times that for the last.

    Sizes follow the last. The name's suffix says which: a WebP is lossless, for with loss pictures that are nearly the
    same become one. A GIF has one palette for all its pictures, chosen by `method`: what stands still does not flicker.
    """
    if not images:
        raise SaddleError("an animation needs at least one picture; none was given")
    size = images[-1].size
    frames = [image.convert("RGB") for image in images]
    frames = [image if image.size == size else image.resize(size) for image in frames]
    durations = [round(1000 * seconds)] * (len(frames) - 1) + [round(1000 * seconds * rest)]
    kind = "WEBP" if Path(path).suffix == ".webp" else "GIF"
    frames = frames if kind == "WEBP" else _in_common_colours(frames, method)
    data = io.BytesIO()
    frames[0].save(
        data, kind, save_all=True, append_images=frames[1:], duration=durations, loop=0, lossless=kind == "WEBP"
    )
    return replace(path, data.getvalue())


def _in_common_colours(frames: list[Image.Image], method: Image.Quantize) -> list[Image.Image]:
    """Pictures of one size in at most 256 colours, the same for all: reduced as one long strip, and cut apart again."""
    width, height = frames[0].size
    strip = Image.new("RGB", (width, height * len(frames)))
    for i, frame in enumerate(frames):
        strip.paste(frame, (0, i * height))
    reduced = strip.quantize(256, method=method, dither=Image.Dither.NONE)
    return [reduced.crop((0, i * height, width, (i + 1) * height)) for i in range(len(frames))]


def save(image: Image.Image, path: str | os.PathLike[str]) -> Path:
    """Write `image` as PNG; a reader sees the old file or the whole new one."""
    data = io.BytesIO()
    image.save(data, "PNG")
    return replace(path, data.getvalue())


def rgb(images: Tensor) -> Tensor:
    """Pictures [N, H, W, 3] uint8, on the processor, of images [N, C, H, W] or of label maps [N, H, W] of integers.

    SaddleError for another shape.
    """
    if images.ndim == 3 and not images.is_floating_point():
        return _coloured(images)
    if images.ndim != 4 or 0 in images.shape:
        raise SaddleError(f"pictures are made of images [N, C, H, W]; these have the shape {list(images.shape)}")
    x = to_uint8(images).cpu()
    channels = x.shape[1]
    if channels == 1:
        x = x.expand(-1, 3, -1, -1)
    elif channels == 2:
        x = torch.cat([x, torch.zeros_like(x[:, :1])], 1)
    return x[:, :3].permute(0, 2, 3, 1).contiguous()


def _coloured(maps: Tensor) -> Tensor:
    """Maps int64 [N, H, W] with a colour for every class, [N, H, W, 3] uint8; neighbours in the list look unlike."""
    hue = (maps.cpu() * 0.618034) % 1
    channels = [((hue + shift) % 1 * 6 - 3).abs().sub(1).clamp(0, 1) for shift in (0.0, 2 / 3, 1 / 3)]
    return (torch.stack(channels, -1) * 255 * (maps.cpu() > 0)[..., None]).round().to(torch.uint8)


def _plane(points: Tensor) -> Tensor:
    """[N, 2] float on the processor, without the points that are not finite."""
    if points.ndim != 2 or points.shape[1] == 0:
        raise SaddleError(f"a scatter is made of points [N, D]; these have the shape {list(points.shape)}")
    points = points.detach().float().cpu()
    points = points[points[:, :2].isfinite().all(1), :2]
    if points.shape[1] == 1:
        points = torch.cat([points.sort(0).values, torch.linspace(0, 1, len(points))[:, None]], 1)
    return points


def _field(landscape: Landscape, centre: Tensor, half: Tensor) -> tuple[Tensor | None, tuple[float, float] | None]:
    """The landscape over the square, [128, 128] in 0 … 1 from the top left, and the values that 0 and 1 stand for."""
    steps = torch.linspace(-1, 1, 128)
    y, x = torch.meshgrid(-steps, steps, indexing="ij")
    values = landscape(centre + half * torch.stack([x, y], -1).view(-1, 2))
    if values is None:
        return None, None
    values = values.detach().float().cpu().nan_to_num()
    low, high = values.min().item(), values.max().item()
    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0  # probabilities: the same colours in every picture
    return ((values - low) / max(high - low, 1e-30)).view(128, 128), (low, high)


def _tinted(field: Tensor, size: int) -> Image.Image:
    """A field [H, W] in 0 … 1 as a picture, with lines of equal height."""
    smooth = nn.functional.interpolate(field[None, None], (size, size), mode="bicubic", align_corners=True)[0, 0]
    smooth = smooth.clamp(0, 1)
    level = (smooth * 10 - 0.5).floor()[None]  # at 0.05, 0.15, …: rounding does not draw lines on a plateau at 0 or 1
    line = nn.functional.max_pool2d(level, 3, 1, 1)[0] != level[0]  # a higher step begins within a pixel
    pixels = _blend(smooth)
    return Image.fromarray(torch.where(line[..., None], pixels * 0.82, pixels).round().to(torch.uint8).numpy())


def _blend(heights: Tensor) -> Tensor:
    """Colours [..., 3] of heights in 0 … 1: LOW, the paper at a half, HIGH."""
    low, paper, high = (torch.tensor(colour, dtype=torch.float32) for colour in (LOW, PAPER, HIGH))
    up = (heights[..., None] - 0.5) * 2
    return paper + up.clamp_min(0) * (high - paper) - up.clamp_max(0) * (low - paper)


def _captioned(square: Image.Image, title: str, limits: tuple[float, float] | None) -> Image.Image:
    """The picture over a line with its title and, if there is one, the scale of its colours."""
    size, font = square.width, ImageFont.load_default(size=13)
    sheet = Image.new("RGB", (size, square.height + STRIP), PAPER)
    sheet.paste(square, (0, 0))
    draw, middle, right = ImageDraw.Draw(sheet), square.height + STRIP / 2, size - 8.0
    if limits:
        low, high = (f"{limit:.3g}" for limit in limits)
        draw.text((right, middle), high, INK, font, anchor="rm")
        right -= font.getlength(high) + 6 + 96
        bar = _blend(torch.linspace(0, 1, 96)).round().to(torch.uint8).expand(12, -1, -1)
        sheet.paste(Image.fromarray(bar.numpy()), (int(right), int(middle) - 6))
        draw.text((right - 6, middle), f"D  {low}", INK, font, anchor="rm")
        right -= 12 + font.getlength(f"D  {low}")
    draw.text((8, middle), _fitting(title, font, right - 16), INK, font, anchor="lm")
    return sheet


def _fitting(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float) -> str:
    """`text`, shortened with … to at most `width` pixels."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"


def _ending(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float) -> str:
    """`text`, of which at most `width` pixels at its end are left behind …"""
    return _fitting(text[::-1], font, width)[::-1]
