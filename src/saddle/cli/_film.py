"""Translate a film: frames in a folder, a GIF, WebP or APNG, and with ffmpeg an MP4 and the like."""

import math
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ..base import telling
from ..base.errors import SaddleError, UsageError, some
from . import _images, _progress, _show, _write
from ._working import background, write

if TYPE_CHECKING:
    import numpy as np

    from ..runs.run import Run
    from ..use.film import Film
    from ..use.imaging import Made
    from ..use.original import Original
    from ..use.translating import Translator
    from ..use.video import Video
    from ..use.writing import Form
    from ._targets import Target

    Behind = tuple[int, int, int] | None

ALONE = {
    "n": 1,
    "mask": None,
    "instances": None,
    "truth": None,
    "labels": None,
    "sheet": None,
    "skip_existing": False,
    "suffix": "",
}


def check(args: Namespace, targets: "Sequence[Target[Translator]]") -> None:
    """UsageError for options that do not go with a film."""
    if len(args.input) > 1:
        raise UsageError("--video takes one film at a time: a folder of frames, or a GIF, WebP or APNG")
    if given := [name for name, usual in ALONE.items() if getattr(args, name) != usual]:
        option = f"-{given[0]}" if len(given[0]) == 1 else f"--{given[0].replace('_', '-')}"
        raise UsageError(f"--video translates all frames alike; leave out {option}")
    if len(targets) > 1:
        raise UsageError(f"--video makes one film at a time; ask for one of {some([t.title for t in targets])}")


def translate(opened: "Run", works: "Translator", form: "Form", args: Namespace) -> None:
    """Translate it, write it and say how much it flickers."""
    from ..runs import reading
    from ..use import film as films

    path = args.input[0]
    film = films.opened(path, opened.recipe.data.max_megapixels, partial(reading.read_file, works))
    out = _destination(args, works.game.title(works.way.to))
    begun = perf_counter()
    if args.steady:
        works = films.steadied(works, film)
    flicker, written = _frames(film, works, form, args, out, background(opened, args))
    row: dict[str, Any] = {"input": str(path), "output": str(out), "frames": written, "flicker": flicker}
    if args.json:
        _show.json([row | {"seconds": round(perf_counter() - begun, 4)}])
        return
    _show.line(f"{written:,} frames in {out}")
    _show.line(
        "nothing moves in this film, so its flicker cannot be measured"
        if math.isnan(flicker)
        else f"flicker {flicker:.2f}: a pixel changes so many times as much from frame to frame as in the input"
    )


def _destination(args: Namespace, word: str) -> Path:
    """A folder for frames, or a file for a film: like the input, unless --out says so. UsageError for what is there."""
    from ..use import video
    from ..use.film import KINDS

    path = args.input[0]
    suffix = "" if path.is_dir() else path.suffix.lower()
    kinds = (*KINDS, *video.KINDS)
    out: Path = args.out or Path(_images.beside(path, word) + (suffix if suffix in kinds else ""))
    if out.suffix.lower() in video.KINDS and not video.installed():
        frames = out.with_suffix("").name
        raise UsageError(
            f"--out {out}: without ffmpeg films are written as {', '.join(KINDS)}, or as frames in a folder, of which "
            f"ffmpeg -i {frames}/%05d.png {out.name} makes such a film"
        )
    if out.suffix.lower() not in kinds:
        _write.check_folder(out)
    elif out.exists():
        raise UsageError(f"{out} exists; choose another name with --out, so that nothing is overwritten")
    return out


def _frames(
    film: "Film | Video", works: "Translator", form: "Form", args: Namespace, out: Path, behind: "Behind"
) -> tuple[float, int]:
    """Translate all frames with the same noise, and write them; the flicker, and how many there are."""
    from ..data.decode import Unreadable
    from ..use import film as films

    flicker = films.Flicker()
    key, i = (args.seed, args.input[0].name, 0), -1
    try:
        with _taking(out, film, works, form, behind) as take:
            for i, frame in enumerate(_told(film)):
                made = works(frame, key)
                flicker.add(frame, made)
                take(i, frame, made)
            if i < 0:
                raise SaddleError(f"{args.input[0]} holds no frame that can be read")
    except Unreadable as error:
        raise SaddleError(f"{film.where(i + 1)}: {error}; a film needs all of its frames") from None
    return flicker.value, i + 1


def _told(film: "Film | Video") -> "Iterator[Original]":
    """The frames; how many have come is shown, where it is known how many there are."""
    with _progress.shown("frames"):
        yield from telling.each("frames", film, len(getattr(film, "frames", ())))


@contextmanager
def _taking(
    out: Path, film: "Film | Video", works: "Translator", form: "Form", behind: "Behind"
) -> "Iterator[Callable[[int, Original, Made], object]]":
    """What takes the results one by one; at the end they are in `out`."""
    from ..data.picture import colour, with_channels
    from ..use import film as films
    from ..use import video

    palette, kind = works.wanted.palette, out.suffix.lower()
    under = behind or colour(works.options.background)
    if kind in video.KINDS:
        sound = film.path if isinstance(film, video.Video) else None
        with video.writing(out, film.seconds, sound) as writer:
            yield lambda i, frame, made: writer.put(with_channels(films.frame_of(made, under, palette), 3))
    elif kind in films.KINDS:
        kept: list[np.ndarray] = []
        ground = under if kind == ".gif" else behind  # a GIF has no opacity but all or nothing
        yield lambda i, frame, made: kept.append(films.frame_of(made, ground, palette))
        films.save(out, kept, film.seconds)
    else:
        yield lambda i, frame, made: write(out / _name(film, i, form), made, frame, form, works.wanted, behind)


def _name(film: "Film | Video", i: int, form: "Form") -> str:
    name = Path(film.name(i))
    return name.stem + form.of(name.name)
