"""Translate files one after the other."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from . import _editing, _works
from ._working import Given, Working

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

    import numpy as np

    from ..runs.run import Run
    from ..use.imaging import Made
    from ..use.original import Original
    from ..use.translating import Translator
    from ..use.writing import Form
    from ._labels import Table
    from ._targets import Target

SCALE = 1.5  # times the training's size: beyond, things are larger than a network has seen them


class Translating(Working["Translator"]):
    def __init__(
        self,
        opened: "Run",
        targets: "Sequence[Target[Translator]]",
        form: "Form",
        args: "Namespace",
        plan: _works.Plan,
        table: "Table | None" = None,
    ):
        from ..runs import translating

        exact = args.mask is not None and translating.fills(targets[0].works.game)
        super().__init__(opened, targets, form, args, plan, exact)
        self.table = table  # of labels that go along
        self.trained = translating.trained_side(opened, self.works.way.start)

    def _read(self, work: _works.Work) -> "Given":
        """An image, with its mask and its instances."""
        from ..runs import asking, reading, translating

        args = self.args
        original = reading.read_file(self.works, work.path, work.page, convert=not self.exact)
        given = Given(original)
        if args.mask:
            given = Given(original, *translating.masks_of(_works.partner(work, args.mask), original, self.works))
        if args.instances:
            objects = asking.instances_of(_works.partner(work, args.instances), original, self.works)
            given = replace(given, beside={**given.beside, **objects})
            edited, beside = _editing.edited(original, given.beside, self.works.game, args)
            given = replace(given, original=edited, beside=beside)
        return given

    def _make(self, work: _works.Work, given: "Given", target: "Target[Translator]") -> "Made":
        return target.works(given.original, (self.args.seed, work.name, target.draw), given.hole, given.beside)

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

    def _written(self, rows: "list[dict[str, Any]]") -> "list[Path]":
        labels = [self.table.written()] if self.table and (rows or self.args.skip_existing) else []
        return [*super()._written(rows), *labels]
