"""Translate files one after the other; what they have to tell is gathered, and told once."""

import errno
from collections import defaultdict
from collections.abc import Iterator
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ..base import telling
from ..base.errors import SaddleError, UsageError, remark, some
from . import _progress, _show, _works
from ._compared import Compared

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

    import numpy as np

    from ..runs.run import Run
    from ..use.original import Original
    from ..use.translating import Made, Translator
    from ..use.writing import Form

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)  # of a disk that takes no file at all
SCALE = 1.5  # times the training's size: beyond, things are larger than a network has seen them


class Stopped(SaddleError):
    """No further file is worth a try."""


class Translating:
    """One command's work."""

    def __init__(self, opened: "Run", works: "Translator", form: "Form", args: "Namespace", plan: _works.Plan):
        from ..runs import translating

        self.opened, self.works, self.form, self.args, self.plan = opened, works, form, args, plan
        self.trained = translating.trained_side(opened, works.way.start)
        self.bad: list[tuple[str, str]] = []
        self.stopped = ""  # why no further file was tried
        self.notes: dict[str, dict[str, None]] = defaultdict(dict)  # what is to be said → files that it is said of
        self.compared = Compared(works, args, plan)

    def all(self) -> list[dict[str, Any]]:
        """A row for each result; what is to be said of them is said."""
        rows, works = [], self.plan.works
        try:
            with _progress.shown("images" if len(works) > 1 else "tiles"):
                for work in telling.each("images", works, len(works)):
                    for row in self.done(work):
                        rows.append(row)  # at once: what is done stays done if a later one stops it all
        except Stopped as error:
            self.stopped = str(error)
        finally:
            self.tell()
        return rows

    def done(self, work: _works.Work) -> "Iterator[dict[str, Any]]":
        """A row for each result of an image; a bad file has none, and is remembered."""
        n = self.args.n
        there = [self.args.skip_existing and work.numbered(k, n).exists() for k in range(n)]
        if all(there) and not self.compared.scores_wanted:
            return
        try:
            original, hole = self._read(work)
            for k in range(n):
                if not there[k]:
                    yield self._result(work, original, hole, k)
                elif self.compared.scores_wanted:
                    self._again(work, original, hole, k)
        except Exception as error:
            reason = self._reason(error)
            if self.args.strict:
                raise Stopped(f"{work.path}: {reason}") from None
            self.bad.append((str(work.path), reason))

    def _reason(self, error: Exception) -> str:
        """Why there is no result of one file. Raises what is a bug, and Stopped where no other has one either."""
        from ..data.decode import Unreadable
        from ..use.room import ran_out

        if isinstance(error, Unreadable | SaddleError):
            return str(error)
        if ran_out(error):
            return "memory ran out; ask for a smaller --size"
        if not isinstance(error, OSError) or isinstance(error, BrokenPipeError):
            raise error
        where = f"{error.filename}: " if error.filename else ""
        if error.errno in FULL:
            raise Stopped(f"{where}{error.strerror}; what is done is whole, and --skip-existing goes on from there")
        return f"not written: {where}{error.strerror}"

    def _read(self, work: _works.Work) -> "tuple[Original, np.ndarray | None]":
        """An image, and where its hole is if a mask says so."""
        from ..runs import translating

        original = translating.read_file(self.works, work.path, work.page, convert=not self.args.mask)
        if not self.args.mask:
            return original, None
        return original, translating.hole_of(_works.partner(work, self.args.mask), original, self.works.options)

    def _result(self, work: _works.Work, original: "Original", hole: "np.ndarray | None", k: int) -> dict[str, Any]:
        """Translate and write one result; its row."""
        begun, out = perf_counter(), work.numbered(k, self.args.n)
        made = self.works(original, (self.args.seed, work.name, k), hole)
        pixels = self._write(out, made, original)
        seconds = perf_counter() - begun
        for note in (*original.notes, *made.notes, *self._remarks(original, made, hole)):
            self.notes[note][work.name] = None
        scores = self._compare(work, out, original, pixels, hole, k)
        return {
            "input": str(work.path) + (f"#{work.page + 1}" if work.page else ""),
            "output": str(out),
            "size": [*made.size],
            "padded": [*made.padded],
            "tiles": made.tiles,
            "seconds": round(seconds, 4),
            **scores,
        }

    def _again(self, work: _works.Work, original: "Original", hole: "np.ndarray | None", k: int) -> None:
        """A result that is there already is not made again, but scored."""
        out = work.numbered(k, self.args.n)
        self._compare(work, out, original, self.compared.result(out), hole, k)

    def _compare(
        self,
        work: _works.Work,
        out: "Path",
        original: "Original",
        pixels: "np.ndarray",
        hole: "np.ndarray | None",
        k: int,
    ) -> dict[str, float]:
        """Scores of a result, if there is a truth; where it does not fit, the result stays and the file is named."""
        from ..data.decode import Unreadable

        try:
            return self.compared.add(work, out, original, pixels, hole, (self.args.seed, work.name, k))
        except (Unreadable, SaddleError) as error:
            self.bad.append((str(work.path), f"translated, but not compared: {error}"))
            return {}

    def _write(self, out: "Path", made: "Made", original: "Original") -> "np.ndarray":
        """Write a result; its pixels as they are in the file, without opacity."""
        from ..data.picture import colour
        from ..use import writing

        wanted = self.works.wanted
        if wanted.kind == "map":
            writing.write_map(out, made.pixels[..., 0], wanted.palette)
            return made.pixels
        bits = self.form.bits(original, writing.KINDS[out.suffix.lower()])
        pixels, alpha = writing.to_bits(made.pixels, bits), made.alpha
        if alpha is not None:
            alpha = writing.to_bits(alpha, bits)
            if self.args.alpha == "flatten":
                pixels, alpha = writing.flattened(pixels, alpha, colour(self.opened.recipe.data.background)), None
        writing.write(out, pixels, alpha, original, self.form)
        return pixels

    def _remarks(self, original: "Original", made: "Made", hole: "np.ndarray | None") -> "Iterator[str]":
        """What a person should know of a result."""
        if made.size != original.size and self.args.mask is None:
            back = ", and its result brought back" if self.args.restore_size else ""
            why = f"; {self.opened.recipe.game} takes no other" if self.works.game.sized else ""
            yield f"brought to {made.size[0]}×{made.size[1]} (height × width){back}{why}"
        side = self.trained
        if side and min(made.size) > SCALE * side:
            yield (
                f"more than {SCALE:g} times as large as the images of the training, whose shorter side had {side} "
                f"pixels. Where these showed whole scenes, things are larger now than it has learned: results get "
                f"worse, and --size {side} brings the image to that scale"
            )
        if hole is not None and not hole.any():
            yield "its mask is nowhere white, so it came back as it is"
        if made.far is not None and made.far > 1:
            yield (
                "unlike the images of the training: farther from them in brightness, contrast, colours or sharpness "
                "than 99 % of those held out; the result may be poor"
            )

    def tell(self) -> None:
        """Say once what was done, with the files that it was done to."""
        for note, names in self.notes.items():
            which = next(iter(names)) if len(names) == 1 else f"{len(names):,} files ({some(names, 3)})"
            remark(f"{which}: {note}")

    def end(self, rows: list[dict[str, Any]]) -> None:
        """Print what was made. SaddleError names the files of which nothing was, UsageError if it is all of them."""
        from ..data.files import bad_lines, count, listing

        bad = [*self.plan.bad, *self.bad]
        written = self.compared.written(self.opened.recipe.game) if rows or self.compared.scores else []
        if self.args.json:
            _show.json(rows)
        else:
            if rows:
                _show.line(f"{count(len(rows), 'file')} in {self.plan.out}" if self.plan.many else rows[0]["output"])
            self.compared.show()
            for path in written:
                _show.line(str(path))
        if self.stopped:
            raise SaddleError(self.stopped)
        if not bad:
            return
        lines = f"{count(len(bad), 'file')} failed:\n{listing(bad_lines(bad))}"
        if self.opened.recipe.data.skip_bad and rows:
            remark(f"left out, as data.skip_bad says:\n{listing(bad_lines(bad))}")
        elif not rows and len(bad) >= len(self.plan.works):
            raise UsageError(lines)
        else:
            raise SaddleError(lines)
