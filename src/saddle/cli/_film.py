"""Translate a film: frames in a folder, or a GIF, WebP or APNG."""

import math
from argparse import Namespace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ..base.errors import SaddleError, UsageError
from . import _images, _show, _write

if TYPE_CHECKING:
    import numpy as np

    from ..runs.run import Run
    from ..use.film import Film
    from ..use.translating import Translator
    from ..use.writing import Form

ALONE = {"n": 1, "mask": None, "truth": None, "sheet": None, "skip_existing": False, "suffix": ""}


def check(args: Namespace) -> None:
    """UsageError for options that do not go with a film."""
    if len(args.input) > 1:
        raise UsageError("--video takes one film at a time: a folder of frames, or a GIF, WebP or APNG")
    if given := [name for name, usual in ALONE.items() if getattr(args, name) != usual]:
        option = f"-{given[0]}" if len(given[0]) == 1 else f"--{given[0].replace('_', '-')}"
        raise UsageError(f"--video translates all frames alike; leave out {option}")


def translate(opened: "Run", works: "Translator", form: "Form", args: Namespace) -> None:
    """Translate it, write it and say how much it flickers."""
    from ..use import film as films

    options, path = opened.recipe.data, args.input[0]
    film = films.opened(path, options.max_megapixels, options.range is not None)
    out = _destination(args, works.game.title(works.way.to))
    begun = perf_counter()
    if args.steady:
        works = films.steadied(works, film)
    flicker, written = _frames(film, works, form, args, out)
    row: dict[str, Any] = {"input": str(path), "output": str(out), "frames": written, "flicker": flicker}
    if args.json:
        _show.json([row | {"seconds": round(perf_counter() - begun, 4)}])
        return
    _show.line(f"{written:,} frames in {out}")
    _show.line(
        "nothing moves in this film, so its flicker cannot be told"
        if math.isnan(flicker)
        else f"flicker {flicker:.2f}: a pixel changes so many times as much from frame to frame as in the input"
    )


def _destination(args: Namespace, word: str) -> Path:
    """A folder for frames, or a file for a film: like the input, unless --out says so. UsageError for what is there."""
    from ..use.film import KINDS

    path = args.input[0]
    suffix = "" if path.is_dir() else path.suffix.lower()
    out = args.out or Path(_images.beside(path, word) + (suffix if suffix in KINDS else ""))
    if out.suffix.lower() in KINDS:
        if out.exists():
            raise UsageError(f"{out} exists; choose another name with --out, so that nothing is overwritten")
    elif out.suffix.lower() in (".mp4", ".mov", ".mkv", ".avi", ".webm"):
        frames = out.with_suffix("").name
        raise UsageError(
            f"--out {out}: films are written as {', '.join(KINDS)}, or as frames in a folder, of which "
            f"ffmpeg -i {frames}/%05d.png {out.name} makes such a film"
        )
    else:
        _write.check_folder(out)
    return out


def _frames(film: "Film", works: "Translator", form: "Form", args: Namespace, out: Path) -> tuple[float, int]:
    """Translate all frames with the same noise, and write them; the flicker, and how many there are."""
    from ..data.decode import Unreadable
    from ..use import film as films
    from ..use import writing

    one = out.suffix.lower() in films.KINDS
    flicker = films.Flicker()
    kept: list[np.ndarray] = []
    key, i = (args.seed, args.input[0].name, 0), -1
    try:
        for i, frame in enumerate(film):
            made = works(frame, key)
            flicker.add(frame, made)
            if one:
                kept.append(films.frame_of(made))
                continue
            suffix = form.of(film.frames[i][0].name)
            pixels = writing.to_bits(made.pixels, form.bits(frame, writing.KINDS[suffix.lower()]))
            writing.write(out / f"{_name(film, i)}{suffix}", pixels, None, frame, form)
    except Unreadable as error:
        raise SaddleError(f"{film.frames[i + 1][0]}: {error}; a film needs all of its frames") from None
    if one:
        films.save(out, kept, film.seconds)
    return flicker.value, len(film.frames)


def _name(film: "Film", i: int) -> str:
    """Of the i-th frame: that of its file, or its number where two would have one name."""
    path, _ = film.frames[i]
    alone = len({file.stem for file, _ in film.frames}) == len(film.frames)
    return path.stem if alone else f"{i:05d}"
