"""Translate files one after the other; what they have to tell is gathered, and told once."""

from collections import defaultdict
from collections.abc import Iterator
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ..base.errors import SaddleError, UsageError, remark, some
from . import _show, _works
from ._compared import Compared

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

    import numpy as np

    from ..runs.run import Run
    from ..use.original import Original
    from ..use.translating import Made, Translator
    from ..use.writing import Form

SCALE = 1.5  # times the training's size: beyond, things are larger than a network has seen them


class Translating:
    """One command's work."""

    def __init__(self, opened: "Run", works: "Translator", form: "Form", args: "Namespace", plan: _works.Plan):
        from ..runs import translating

        self.opened, self.works, self.form, self.args, self.plan = opened, works, form, args, plan
        self.trained = translating.trained_side(opened, works.way.start)
        self.bad: list[tuple[str, str]] = []
        self.notes: dict[str, dict[str, None]] = defaultdict(dict)  # what is to be said → files that it is said of
        self.compared = Compared(works, args, plan)

    def all(self) -> list[dict[str, Any]]:
        """A row for each result; what is to be said of them is said."""
        try:
            return [row for work in self.plan.works for row in self.done(work)]
        finally:
            self.tell()

    def done(self, work: _works.Work) -> "Iterator[dict[str, Any]]":
        """A row for each result of an image; a bad file has none, and is remembered."""
        from ..data.decode import Unreadable

        n = self.args.n
        wanted = [k for k in range(n) if not (self.args.skip_existing and work.numbered(k, n).exists())]
        if not wanted:
            return
        try:
            original, hole = self._read(work)
            for k in wanted:
                yield self._result(work, original, hole, k)
        except (Unreadable, SaddleError) as error:
            if self.args.strict:
                raise SaddleError(f"{work.path}: {error}") from None
            self.bad.append((str(work.path), str(error)))

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
        for note in (*original.notes, *made.notes, *self._remarks(original, made)):
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

    def _remarks(self, original: "Original", made: "Made") -> "Iterator[str]":
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
        written = self.compared.written(self.opened.recipe.game) if rows else []
        if self.args.json:
            _show.json(rows)
        elif rows:
            _show.line(f"{count(len(rows), 'file')} in {self.plan.out}" if self.plan.many else rows[0]["output"])
            self.compared.show()
            for path in written:
                _show.line(str(path))
        if not bad:
            return
        lines = f"{count(len(bad), 'file')} failed:\n{listing(bad_lines(bad))}"
        if self.opened.recipe.data.skip_bad and rows:
            remark(f"left out, as data.skip_bad says:\n{listing(bad_lines(bad))}")
        elif not rows and len(bad) >= len(self.plan.works):
            raise UsageError(lines)
        else:
            raise SaddleError(lines)
