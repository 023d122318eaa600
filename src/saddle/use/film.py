"""A film, frame by frame: what is random stays the same in all of it, and how much it flickers is measured."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..base.errors import UsageError
from ..base.files import replace as written
from ..data import decode, files, formats
from ..data.picture import with_channels
from ..show import pictures
from . import original, tiles
from .original import Original
from .translating import Made, Translator, padding, reflected
from .writing import picture, to_bits

SECONDS = 0.1  # of a frame, where a film does not say
KINDS = (".gif", ".webp", ".png")  # of films in one file


@dataclass(frozen=True)
class Film:
    """Frames in their order: pages of one file, or files."""

    frames: Sequence[tuple[Path, int]]  # file and page
    seconds: float = SECONDS  # of a frame
    max_megapixels: float = 50.0
    any_range: bool = False

    def __iter__(self) -> Iterator[Original]:
        """One after the other, each read when it is asked for. decode.Unreadable for one that is damaged."""
        with decode.in_order():
            for path, page in self.frames:
                with decode.reading():
                    frame = original.read(path, self.max_megapixels, page, self.any_range)
                yield frame


def opened(path: Path, max_megapixels: float, any_range: bool = False) -> Film:
    """The film in a file of several frames, or in a folder of frames. UsageError for what is none."""
    if path.is_dir():
        names = files.scan(path).images
        if not names:
            raise UsageError(f"no frame in {path}")
        return Film([(path / name, 0) for name in names], SECONDS, max_megapixels, any_range)
    if not path.is_file():
        raise UsageError(f"there is no {path}; give a folder of frames, or a GIF, WebP or APNG")
    try:
        with decode.reading(), decode.opening(path, max_megapixels, 0, any_range) as image:
            n = formats.pages(image)
            image.load()  # before which a WebP does not tell how long a frame stays
            each = image.info.get("duration") or 0
    except decode.Unreadable as error:
        hint = f"; make frames of it first: ffmpeg -i {path.name} frames/%05d.png"
        raise UsageError(f"{path}: {error}{hint if path.suffix.lower() not in files.SUFFIXES else ''}") from None
    if n == 1:
        raise UsageError(f"{path} holds one picture and is no film; leave out --video")
    return Film([(path, i) for i in range(n)], each / 1000 or SECONDS, max_megapixels, any_range)


def steadied(works: Translator, film: Film) -> Translator:
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
    """Write frames uint8 [H, W, 1 to 4] as an endless GIF, WebP or APNG, by the name's suffix."""
    images = [picture(frame) for frame in frames]
    if path.suffix.lower() != ".png":
        return pictures.animation(images, path, seconds, rest=1)
    data = io.BytesIO()
    images[0].save(data, "PNG", save_all=True, append_images=images[1:], duration=round(1000 * seconds), loop=0)
    return written(path, data.getvalue())


def frame_of(made: Made) -> np.ndarray:
    """A result as a frame of 8 bits [H, W, C], opacity left out."""
    return to_bits(made.pixels, 8)


def _in_unit(pixels: np.ndarray) -> np.ndarray:
    """[H, W, C] as floats [H, W, 3] from 0 to 1."""
    top = np.iinfo(pixels.dtype).max if pixels.dtype in (np.uint8, np.uint16) else 1
    return with_channels(pixels, 3).astype(np.float32) / top
