"""Make something of files one after the other; what they have to tell is gathered, and reported once."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ..base import telling
from ..base.errors import SaddleError
from . import _progress, _show, _works
from ._compared import Compared
from ._gathering import FULL, Gathering

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

    import numpy as np

    from ..runs.run import Run
    from ..spec import Field
    from ..use.asked import Beside
    from ..use.imaging import Imaging, Made
    from ..use.original import Original
    from ..use.writing import Form
    from ._targets import Target


class Stopped(SaddleError):
    """No further file is worth a try."""


@dataclass(frozen=True)
class Given:
    """An image of a file, and what stands beside it."""

    original: "Original"
    hole: "np.ndarray | None" = None  # where it has lost its pixels
    beside: "Beside" = field(default_factory=dict)  # of the keys that the game looks at


T = TypeVar("T", bound="Imaging")  # what makes the results


class Working(ABC, Generic[T]):
    """One command's work."""

    def __init__(
        self,
        opened: "Run",
        targets: "Sequence[Target[T]]",
        form: "Form",
        args: "Namespace",
        plan: _works.Plan,
        exact: bool = False,
    ):
        """`exact`: known pixels come back as they are."""
        self.opened, self.targets, self.form, self.args, self.plan = opened, targets, form, args, plan
        self.works: T = targets[0].works  # what reads the inputs, whatever becomes of them
        self.exact = exact
        self.gathered = Gathering()
        self.stopped = ""  # why no further file was tried
        self.compared = Compared(targets, args, plan, exact)

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
            self.gathered.tell()
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
            self.gathered.bad.append((str(work.path), reason))

    def _reason(self, error: Exception) -> str:
        """Why there is no result of one file. Raises what is a bug, and Stopped where no other has one either."""
        from ..data.decode import Unreadable
        from ..use.room import ran_out

        if isinstance(error, Unreadable | SaddleError):
            return str(error)
        if ran_out(error):
            return f"memory ran out; {self.works.words.smaller}"
        if not isinstance(error, OSError) or isinstance(error, BrokenPipeError):
            raise error
        where = f"{error.filename}: " if error.filename else ""
        if error.errno in FULL:
            place = error.filename or self.plan.out
            raise Stopped(f"{place}: {error.strerror}; what is done is whole, and --skip-existing goes on from there")
        return f"not written: {where}{error.strerror}"

    @abstractmethod
    def _read(self, work: _works.Work) -> "Given":
        """An image, with what stands beside it."""

    @abstractmethod
    def _make(self, work: _works.Work, given: "Given", target: "Target[T]") -> "Made":
        """One result."""

    @abstractmethod
    def _remarks(self, original: "Original", made: "Made", hole: "np.ndarray | None") -> "Iterator[str]":
        """What a person should know of a result."""

    def _result(self, work: _works.Work, given: "Given", target: "Target[T]") -> dict[str, Any]:
        """Make and write one result; its row."""
        begun, out, original = perf_counter(), work.ended(target.ending), given.original
        made = self._make(work, given, target)
        pixels = self._write(out, made, original, target.wanted)
        seconds = perf_counter() - begun
        for note in (*original.notes, *made.notes, *self._remarks(original, made, given.hole)):
            self.gathered.notes[note][work.name] = None
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

    def _again(self, work: _works.Work, given: "Given", target: "Target[T]") -> None:
        """A result that is there already is not made again, but scored."""
        self._compare(work, given, target, self.compared.result(work.ended(target.ending), target))

    def _compare(
        self, work: _works.Work, given: "Given", target: "Target[T]", pixels: "np.ndarray"
    ) -> dict[str, float]:
        """Scores of a result, if there is a truth; where it does not fit, the result stays and the file is named."""
        from ..data.decode import Unreadable

        try:
            return self.compared.add(work, given, target, pixels)
        except (Unreadable, SaddleError) as error:
            self.gathered.bad.append((str(work.path), f"{self.works.words.done}, but not compared: {error}"))
            return {}

    def _written(self, rows: list[dict[str, Any]]) -> "list[Path]":
        """What is written when all is done."""
        return self.compared.written(self.opened.recipe.game) if rows or self.compared.scores else []

    def end(self, rows: list[dict[str, Any]]) -> None:
        """Print what was made. SaddleError names the files of which nothing was, UsageError if it is all of them."""
        from ..data.files import count

        written = self._written(rows)
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
        self.gathered.bad[:0] = self.plan.bad
        left = len(self.gathered.bad) < len(self.plan.works)  # something was there already
        self.gathered.end(len(rows) or left, self.opened.recipe.data.skip_bad)


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
