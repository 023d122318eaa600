"""Restore files one after the other."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..base.errors import UsageError, some
from . import _works
from ._working import Given, Working

if TYPE_CHECKING:
    from argparse import Namespace

    import numpy as np

    from ..runs.run import Run
    from ..use.imaging import Made
    from ..use.original import Original
    from ..use.restoring import Restorer
    from ..use.writing import Form
    from ._targets import Target


class Restoring(Working["Restorer"]):
    def __init__(
        self, opened: "Run", targets: "Sequence[Target[Restorer]]", form: "Form", args: "Namespace", plan: _works.Plan
    ):
        from ..runs import restoring
        from ..use import landmarks

        super().__init__(opened, targets, form, args, plan)
        self.points: landmarks.Table = {}
        if args.landmarks:
            self.points = landmarks.read(args.landmarks, restoring.count(self.works))
            missing = [work.name for work in plan.works if self._points(work) is None]
            if missing:
                raise UsageError(f"--landmarks {args.landmarks} has no line for {some(missing, 5)}")
        elif self.works.game.beside:
            raise UsageError(
                f"{opened.recipe.game} looks at {some(self.works.game.beside)} beside an image; give them with "
                "--landmarks FILE.csv"
            )

    def _points(self, work: _works.Work) -> "np.ndarray | None":
        from ..use import landmarks

        return landmarks.of(self.points, work.name, work.path.name)

    def _read(self, work: _works.Work) -> "Given":
        from ..runs import reading
        from ..use import landmarks

        original, points = reading.read_file(self.works, work.path, work.page), self._points(work)
        return Given(original, beside={} if points is None else {landmarks.LANDMARKS: points})

    def _make(self, work: _works.Work, given: "Given", target: "Target[Restorer]") -> "Made":
        return target.works(given.original, (work.name,), beside=given.beside)

    def _remarks(self, original: "Original", made: "Made", hole: "np.ndarray | None") -> "Iterator[str]":
        if made.size != original.size:
            yield (
                f"brought to {made.size[0]}×{made.size[1]} (height × width) before it was restored; "
                f"{self.opened.recipe.game} takes no other"
            )
            (height, width), (high, wide) = original.size, made.size
            if self.works.options.fit == "crop" and height * wide != width * high:
                yield (
                    "cut at two of its edges, as images of the training were (data.fit crop), and not restored there; "
                    "a run with --data.fit pad or squash keeps the whole"
                )
        if original.pages > 1 and self.opened.recipe.data.pages == "first":
            yield "of several pages or frames the first alone was taken, as the run's data were read (data.pages first)"
