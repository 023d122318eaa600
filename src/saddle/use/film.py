"""A film, frame by frame: what is random stays the same in all of it, and how much it flickers is measured."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from ..base.errors import UsageError
from ..base.files import replace as written
from ..data import decode, files, formats
from ..data.picture import with_channels
from ..show import pictures
from . import original, tiles, video
from .imaging import Made, padding, reflected
from .original import Original
from .translating import Translator
from .video import Video
from .writing import flattened, picture, to_bits

SECONDS = 0.1  # of a frame, where a film does not say
KINDS = (".gif", ".webp", ".png")  # of films in one file
Read = Callable[[Path, int], Original]  # the image in a file, of a page
Palette = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class Film:
    """Frames in their order: pages of one file, or files."""

    frames: Sequence[tuple[Path, int]]  # file and page
    seconds: float = SECONDS  # of a frame
    read: Read = original.alone

    def __iter__(self) -> Iterator[Original]:
        """One after the other, each read when it is asked for. decode.Unreadable for one that is damaged."""
        with decode.in_order():
            for path, page in self.frames:
                yield self.read(path, page)

    def name(self, i: int) -> str:
        """Of the i-th frame: that of its file, or its number where two would have one name."""
        path, _ = self.frames[i]
        return path.name if self._alone else f"{i:05d}{path.suffix}"

    def where(self, i: int) -> str:
        return str(self.frames[i][0])

    @cached_property
    def _alone(self) -> bool:
        """Has each frame a name of its own?"""
        return len({file.stem.casefold() for file, _ in self.frames}) == len(self.frames)


def opened(path: Path, max_megapixels: float, read: Read | None = None) -> Film | Video:
    """The film in a file of several frames, or in a folder of frames; `read` reads one of them.

    UsageError for what is none.
    """
    read = read or partial(original.alone, max_megapixels=max_megapixels)
    if path.is_dir():
        names = sorted(files.scan(path).images, key=_in_order)
        if not names:
            raise UsageError(f"no frame in {path}")
        return Film([(path / name, 0) for name in names], SECONDS, read)
    if not path.is_file():
        raise UsageError(f"there is no {path}; give a folder of frames, or a GIF, WebP or APNG")
    if path.suffix.lower() in video.KINDS and video.installed():
        return video.opened(path, max_megapixels)
    try:
        with decode.reading(), decode.opening(path, max_megapixels, 0, True) as image:
            n = formats.pages(image)
            image.load()  # before which a WebP does not tell how long a frame stays
            each = image.info.get("duration") or 0
    except decode.Unreadable as error:
        hint = f"; install ffmpeg, or make frames of it first: ffmpeg -i {path.name} frames/%05d.png"
        raise UsageError(f"{path}: {error}{hint if path.suffix.lower() not in files.SUFFIXES else ''}") from None
    if n == 1:
        raise UsageError(f"{path} holds one picture and is no film; leave out --video")
    return Film([(path, i) for i in range(n)], each / 1000 or SECONDS, read)


def _in_order(name: str) -> list[tuple[int, str]]:
    """Numbers in names count as numbers: 2 comes before 10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def steadied(works: Translator, film: Film | Video) -> Translator:
    """A translator whose instance norm has the statistics of the whole film in every frame; the film is read for it.

    UsageError for a game whose network has none that can be held still.
    """
    network = works.game.network(works.way.start, works.way.to)
    if network is None:
        raise UsageError("--steady holds the statistics of instance norm still, and this game has no network for it")

    def planes() -> Iterator[object]:
        for frame in film:
            x = works.batch(works.sized(works.seen(frame), works.size(frame.size), works.fit))
            size, corner = padding((x.shape[-2], x.shape[-1]), *works.steps())
            yield works.given.as_planes(reflected(x, size, corner)).to(works.game.dtype)

    return replace(works, steady=tiles.statistics(network, planes()))  # type: ignore[arg-type]


class Flicker:
    """Of results over inputs: the mean change of a pixel from frame to frame; 1 is as steady as the input."""

    def __init__(self) -> None:
        self.before: tuple[np.ndarray, np.ndarray] | None = None
        self.given = self.made = 0.0

    def add(self, given: Original, made: Made) -> None:
        now = _in_unit(given.pixels), _in_unit(made.pixels)
        if self.before and all(a.shape == b.shape for a, b in zip(self.before, now, strict=True)):
            self.given += float(np.abs(now[0] - self.before[0]).mean())
            self.made += float(np.abs(now[1] - self.before[1]).mean())
        self.before = now

    @property
    def value(self) -> float:
        """NaN for an input in which nothing moves."""
        return self.made / self.given if self.given else float("nan")


def save(path: Path, frames: Sequence[np.ndarray], seconds: float) -> Path:
    """Write frames uint8 [H, W, 1 to 4] of one size as an endless GIF, WebP or APNG, by the name's suffix.

    A GIF shows them without opacity.
    """
    if len({frame.shape[:2] for frame in frames}) > 1:
        raise UsageError("the frames have several sizes, and a film has one; give --size, or write a folder")
    images = [picture(frame) for frame in frames]
    kind = {".png": "PNG", ".webp": "WEBP"}.get(path.suffix.lower())
    if kind is None:
        return pictures.animation(images, path, seconds, rest=1)
    data, about = io.BytesIO(), {"lossless": True, "exact": True} if kind == "WEBP" else {}
    if kind == "WEBP":
        images = [image.convert("RGBA" if image.mode in ("LA", "RGBA") else "RGB") for image in images]
    images[0].save(data, kind, save_all=True, append_images=images[1:], duration=round(1000 * seconds), loop=0, **about)
    return written(path, data.getvalue())


def frame_of(made: Made, background: tuple[int, int, int] | None, palette: Palette = ()) -> np.ndarray:
    """A result as a frame of 8 bits [H, W, C]: with its opacity, or on a background; classes in their colours."""
    if made.pixels.dtype == np.int64:
        return np.array(palette, np.uint8)[made.pixels[..., 0]]
    pixels = to_bits(made.pixels, 8)
    if made.alpha is None:
        return pixels
    alpha = to_bits(made.alpha, 8)
    return flattened(pixels, alpha, background) if background else np.concatenate([pixels, alpha[..., None]], 2)


def _in_unit(pixels: np.ndarray) -> np.ndarray:
    """[H, W, C] as floats [H, W, 3] from 0 to 1."""
    top = np.iinfo(pixels.dtype).max if pixels.dtype in (np.uint8, np.uint16) else 1
    return with_channels(pixels, 3).astype(np.float32) / top
