"""A run's sample pictures inside its report, few enough and small enough for one file; and points as a film."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from PIL import Image

from ..base.events import Event
from ..base.folder import RunFolder
from ..show import pictures

MOST = 24  # pictures in the timeline
FRAMES = 240  # of the film
PIXELS = 50_000_000  # of a picture that is read at all
LARGE, SMALL = (1200, 450_000), (480, 56_000)  # pixels of the longer side and bytes: of the latest, of the others


Bounds = tuple[int, int]
T = TypeVar("T")


@dataclass(frozen=True)
class Sample:
    """A picture ready to be shown."""

    round: int
    source: str  # a data: URI
    width: int
    height: int


def collect(folder: RunFolder, events: list[Event], small: Bounds = SMALL) -> tuple[list[Sample], int]:
    """At most 24 of the pictures, evenly chosen, first and last among them; and how many could not be read.

    The last is large, the others are `small`.
    """
    by_round = {event.get("round", 0): folder.path / event.get("file", "") for event in events}
    readable = {at: path for at, path in by_round.items() if _there(folder, path)}
    chosen = evenly(sorted(readable), MOST)
    found = [_sample(at, readable[at], *(LARGE if at == chosen[-1] else small)) for at in chosen]
    shown = [sample for sample in found if sample]
    return shown, len(by_round) - len(readable) + len(found) - len(shown)


def film(folder: RunFolder, events: list[Event]) -> Path | None:
    """The pictures of points one after another as a GIF in the run's folder, at most 240 of them, evenly chosen.

    None where there are not two.
    """
    paths = [folder.path / event.get("file", "") for event in events if event.get("of") == "points"]
    there = [path for path in paths if _there(folder, path)]
    frames = [image for path in evenly(there, FRAMES) if (image := read_picture(path))]
    # An octree keeps the few pixels of rare colours, such as the letters, and halves the file.
    octree = Image.Quantize.FASTOCTREE
    return pictures.animation(frames, folder.film, method=octree) if len(frames) > 1 else None


def _there(folder: RunFolder, path: Path) -> bool:
    try:
        return folder.inside(path)
    except (OSError, ValueError):  # a name that no file can have
        return False


def evenly(items: list[T], most: int) -> list[T]:
    """At most `most` of the items at even distances, first and last among them."""
    if len(items) <= most:
        return items
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)]


def embed(image: Image.Image, side: int, size: int) -> tuple[str, int, int]:
    """An RGB picture as a data: URI of at most about `size` bytes before base64, its longer side at most `side`."""
    image = image.copy()
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    data, kind = _encoded(image, "PNG"), "png"
    for quality in (92, 76, 60):
        if len(data) > size:
            data, kind = _encoded(image, "JPEG", quality=quality, subsampling=0), "jpeg"
    while len(data) > size and max(image.size) > 64:
        image.thumbnail((image.width * 3 // 4, image.height * 3 // 4), Image.Resampling.LANCZOS)
        data = _encoded(image, "JPEG", quality=60, subsampling=0)
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}", *image.size


def _encoded(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


def _sample(at: int, path: Path, side: int, size: int) -> Sample | None:
    image = read_picture(path)
    return Sample(at, *embed(image, side, size)) if image else None


def read_picture(path: Path) -> Image.Image | None:
    """The picture in RGB; None where there is none that can be read, or one too large to look at."""
    try:
        with Image.open(path, formats=["PNG"]) as file:
            return file.convert("RGB") if file.width * file.height <= PIXELS else None
    except Exception:  # a decoder may raise anything on a damaged file; the caller counts it, and the report tells
        return None
