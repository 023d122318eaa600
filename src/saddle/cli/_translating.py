"""Translate files one after the other; what they have to tell is gathered, and told once."""

import errno
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ..base import telling
from ..base.errors import SaddleError, UsageError, remark, some
from . import _editing, _progress, _show, _works
from ._compared import Compared

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

    import numpy as np

    from ..runs.run import Run
    from ..spec import Field
    from ..use.asked import Beside
    from ..use.original import Original
    from ..use.translating import Made
    from ..use.writing import Form
    from ._labels import Table
    from ._targets import Target

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)  # of a disk that takes no file at all
SCALE = 1.5  # times the training's size: beyond, things are larger than a network has seen them


class Stopped(SaddleError):
    """No further file is worth a try."""


@dataclass(frozen=True)
class Given:
    """An image of a file, and what stands beside it."""

    original: "Original"
    hole: "np.ndarray | None" = None  # where it has lost its pixels
    beside: "Beside" = field(default_factory=dict)  # of the keys that the game looks at


class Translating:
    """One command's work."""

    def __init__(
        self,
        opened: "Run",
        targets: "Sequence[Target]",
        form: "Form",
        args: "Namespace",
        plan: _works.Plan,
        table: "Table | None" = None,
    ):
        from ..runs import translating

        self.table = table  # of labels that go along
        self.opened, self.targets, self.form, self.args, self.plan = opened, targets, form, args, plan
        self.works = targets[0].works  # what reads the inputs, whatever becomes of them
        self.exact = args.mask is not None and translating.fills(self.works.game)
        self.trained = translating.trained_side(opened, self.works.way.start)
        self.bad: list[tuple[str, str]] = []
        self.stopped = ""  # why no further file was tried
        self.notes: dict[str, dict[str, None]] = defaultdict(dict)  # what is to be said → files that it is said of
        self.compared = Compared(targets, args, plan, self.exact)

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
        there = [self.args.skip_existing and work.ended(target.ending).exists() for target in self.targets]
        if all(there) and not self.compared.scores_wanted:
            return
        try:
            given = self._read(work)
            for target, exists in zip(self.targets, there, strict=True):
                if not exists:
                    yield self._result(work, given, target)
                elif self.compared.scores_wanted:
                    self._again(work, given, target)
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
            place = error.filename or self.plan.out
            raise Stopped(f"{place}: {error.strerror}; what is done is whole, and --skip-existing goes on from there")
        return f"not written: {where}{error.strerror}"

    def _read(self, work: _works.Work) -> "Given":
        """An image, with its mask and its instances."""
        from ..runs import asking, translating

        args = self.args
        original = translating.read_file(self.works, work.path, work.page, convert=not self.exact)
        given = Given(original)
        if args.mask:
            given = Given(original, *translating.masks_of(_works.partner(work, args.mask), original, self.works))
        if args.instances:
            objects = asking.instances_of(_works.partner(work, args.instances), original, self.works)
            given = replace(given, beside={**given.beside, **objects})
            edited, beside = _editing.edited(original, given.beside, self.works.game, args)
            given = replace(given, original=edited, beside=beside)
        return given

    def _result(self, work: _works.Work, given: "Given", target: "Target") -> dict[str, Any]:
        """Translate and write one result; its row."""
        begun, out, original = perf_counter(), work.ended(target.ending), given.original
        made = target.works(original, (self.args.seed, work.name, target.draw), given.hole, given.beside)
        pixels = self._write(out, made, original, target.wanted)
        seconds = perf_counter() - begun
        for note in (*original.notes, *made.notes, *self._remarks(original, made, given.hole)):
            self.notes[note][work.name] = None
        scores = self._compare(work, given, target, pixels)
        return {
            "input": str(work.path) + (f"#{work.page + 1}" if work.page else ""),
            "output": str(out),
            **({"to": target.title} if len(self.targets) > 1 else {}),
            "size": [*made.size],
            "padded": [*made.padded],
            "tiles": made.tiles,
            "seconds": round(seconds, 4),
            **scores,
        }

    def _write(self, out: "Path", made: "Made", original: "Original", wanted: "Field") -> "np.ndarray":
        return write(out, made, original, self.form, wanted, background(self.opened, self.args))

    def _again(self, work: _works.Work, given: "Given", target: "Target") -> None:
        """A result that is there already is not made again, but scored."""
        self._compare(work, given, target, self.compared.result(work.ended(target.ending), target))

    def _compare(self, work: _works.Work, given: "Given", target: "Target", pixels: "np.ndarray") -> dict[str, float]:
        """Scores of a result, if there is a truth; where it does not fit, the result stays and the file is named."""
        from ..data.decode import Unreadable

        try:
            return self.compared.add(work, given, target, pixels)
        except (Unreadable, SaddleError) as error:
            self.bad.append((str(work.path), f"translated, but not compared: {error}"))
            return {}

    def _remarks(self, original: "Original", made: "Made", hole: "np.ndarray | None") -> "Iterator[str]":
        """What a person should know of a result."""
        if made.size != original.size and not self.exact:
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
        if original.pages > 1 and self.opened.recipe.data.pages == "first":
            yield (
                "of several pages or frames the first alone was taken, as the run's data were read (data.pages first); "
                "--video takes them all"
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
        written += [self.table.written()] if self.table and (rows or self.args.skip_existing) else []
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


def background(opened: "Run", args: "Namespace") -> "tuple[int, int, int] | None":
    """What results are laid on; None where they keep their opacity."""
    from ..data.picture import colour

    return colour(opened.recipe.data.background) if args.alpha == "flatten" else None


def write(
    out: "Path",
    made: "Made",
    original: "Original",
    form: "Form",
    wanted: "Field",
    behind: "tuple[int, int, int] | None",
) -> "np.ndarray":
    """Write a result; its pixels as they are in the file, without opacity."""
    from ..use import writing

    if wanted.kind == "map":
        writing.write_map(out, made.pixels[..., 0], wanted.palette)
        return made.pixels
    bits = form.bits(original, writing.KINDS[out.suffix.lower()])
    pixels, alpha = writing.to_bits(made.pixels, bits), made.alpha
    if alpha is not None:
        alpha = writing.to_bits(alpha, bits)
        if behind is not None:
            pixels, alpha = writing.flattened(pixels, alpha, behind), None
    writing.write(out, pixels, alpha, original, form)
    return pixels
