"""Results beside their inputs and the truth: on a page, and in numbers."""

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..base.errors import UsageError
from ..base.files import replace as written
from . import _sheet, _show, _works

if TYPE_CHECKING:
    from argparse import Namespace

    import numpy as np
    from PIL import Image

    from ..spec import Field
    from ..use.imaging import Imaging
    from ..use.original import Original
    from ._targets import Target
    from ._working import Given

BEST = {"psnr_y": "higher", "ssim_y": "higher", "psnr": "higher", "ssim": "higher", "l1": "lower", "accuracy": "higher"}


def check(args: "Namespace") -> None:
    """UsageError for a page that cannot be written, before work."""
    if args.sheet:
        _sheet.check_name(args.sheet)
        if args.sheet.exists():
            raise UsageError(f"--sheet {args.sheet} exists; choose another name, so that nothing is overwritten")


def check_places(args: "Namespace", plan: _works.Plan, targets: "Sequence[Target[Imaging]]") -> None:
    """UsageError for a page or a table of scores in the place of something else."""
    table = table_of(plan)
    if args.truth and table.exists() and not args.skip_existing:
        raise UsageError(f"{table} exists, where the scores go; choose another --out, so that nothing is overwritten")
    taken = {_works.key(work.ended(target.ending)) for work in plan.works for target in targets}
    if args.sheet and _works.key(args.sheet) in taken | ({_works.key(table)} if args.truth else set()):
        raise UsageError(f"--sheet {args.sheet} is the name of a result; choose another")


def table_of(plan: _works.Plan) -> Path:
    """Where the scores of every file go."""
    return plan.out / "scores.csv" if plan.many else plan.out.with_name(f"{plan.out.stem}-scores.csv")


class Compared:
    """Gathers small pictures for --sheet and scores for --truth."""

    def __init__(self, targets: "Sequence[Target[Imaging]]", args: "Namespace", plan: _works.Plan, exact: bool):
        self.targets, self.args, self.plan = targets, args, plan
        self.rows: dict[_works.Work, list[tuple[str, Image.Image]]] = {}  # of the page: each input with its results
        self.scores: list[dict[str, Any]] = []
        self.plain: list[dict[str, float]] = []  # scores of the inputs themselves
        self.works = targets[0].works
        self.back = self.works.back if len(targets) == 1 and not exact else None

    @property
    def scores_wanted(self) -> bool:
        return self.args.truth is not None

    def result(self, out: Path, target: "Target[Imaging]") -> "np.ndarray":
        """The pixels of a result that was written before."""
        return _of_wanted(target.works, out)

    def add(
        self, work: _works.Work, given: "Given", target: "Target[Imaging]", pixels: "np.ndarray"
    ) -> dict[str, float]:
        """Gather what is wanted of a result; its scores. SaddleError for a truth that does not fit."""
        from ..use.comparing import compare

        truth, hole, original = self._truth(work, target), given.hole, given.original
        scores: dict[str, float] = {}
        if truth is not None and (hole is None or hole.any()):
            limits = target.works.limits(8 * pixels.dtype.itemsize)
            scores = compare(pixels, truth, hole, limits, target.works.border)
            self.scores.append({"input": work.name, "output": str(work.ended(target.ending)), **scores})
            plain = target.works.plain(original)
            if plain.shape[:2] == truth.shape[:2] and plain.dtype == pixels.dtype:
                self.plain.append(compare(_alike(plain, pixels), truth, hole, limits, target.works.border))
        if self.args.sheet and (work in self.rows or len(self.rows) < self.args.sheet_max):
            self._show(work, original, target, pixels, truth)
        return scores

    def _truth(self, work: _works.Work, target: "Target[Imaging]") -> "np.ndarray | None":
        if not self.args.truth:
            return None
        partner = _works.partner(work, self.args.truth)
        assert partner is not None  # which was checked
        return _of_wanted(target.works, partner)

    def _show(
        self,
        work: _works.Work,
        original: "Original",
        target: "Target[Imaging]",
        pixels: "np.ndarray",
        truth: "np.ndarray | None",
    ) -> None:
        """A further result in the row of its input; of a single one also the way back and what is wrong with it."""
        from ..use.comparing import error_map
        from ..use.original import Original

        works, alone = target.works, len(self.targets) == 1
        given, wanted = works.given, works.wanted
        if work not in self.rows:
            seen = works.seen(original)[..., :3]  # as the network is given it: on the background
            self.rows[work] = [(work.name, shown(seen, given))]
        row = self.rows[work]
        row.append((target.title, shown(pixels, wanted)))
        if self.back:
            again = self.back(Original(pixels), (self.args.seed, work.name, target.draw, "back")).pixels
            row.append((f"back to {works.given_title}", shown(again, given)))
        if truth is not None and (alone or target is self.targets[-1]):
            row.append(("truth", shown(truth, wanted)))
        if truth is not None and alone:
            row.append(("error", shown(error_map(pixels, truth, works.limits(8 * pixels.dtype.itemsize)), None)))

    def written(self, game: str) -> list[Path]:
        """Write the page and the table of scores; where they lie."""
        paths = []
        if self.args.sheet:
            alone = len(self.targets) == 1
            heads = [
                "input",
                *(["result"] if alone else [_head(target, self.args.n) for target in self.targets]),
                *(["back again"] if self.back else []),
                *(["truth", *(["error"] * alone)] if self.scores else []),
            ]
            rows = [*self.rows.values()]
            paths.append(_sheet.write(self.args.sheet, f"{game}: {self.works.words.done}", heads, rows, self._said()))
        if self.scores:
            paths.append(written(table_of(self.plan), self._csv()))
        return paths

    def _said(self) -> list[str]:
        n = len(self.plan.works)
        lines = [f"The first {len(self.rows):,} of {n:,}."] if len(self.rows) < n else []
        if self.scores and len(self.targets) == 1:
            lines.append("error: black is no difference from the truth, white a quarter of the range or more.")
        lines += [f"{name}: mean {_told(mean(self.scores, name))}" for name in self.names]
        return lines

    @property
    def names(self) -> list[str]:
        return [name for name in BEST if self.scores and name in self.scores[0]]

    def _csv(self) -> bytes:
        text = io.StringIO()
        lines = csv.DictWriter(text, ["input", "output", *self.names], lineterminator="\n")
        lines.writeheader()
        lines.writerows(self.scores)
        return text.getvalue().encode("utf-8", "surrogateescape")

    def show(self) -> None:
        """Print the means over the files, beside those of the inputs themselves."""
        if not self.scores:
            return
        plain = len(self.plain) == len(self.scores)
        columns = ["score", "mean", *([self.works.plain_title] if plain else []), "better"]
        lines = [
            [name, _told(mean(self.scores, name)), *([_told(mean(self.plain, name))] if plain else []), BEST[name]]
            for name in self.names
        ]
        _show.table(columns, lines)
        for name in self.names:
            if same := sum(math.isinf(row[name]) for row in self.scores):
                _show.line(
                    f"{same:,} of {len(self.scores):,} are identical to the truth, and not in the mean of {name}"
                )


def _of_wanted(works: "Imaging", path: Path) -> "np.ndarray":
    """The pixels of an image of the domain wanted, without its opacity."""
    from ..runs import reading

    return reading.read_file(works.reader, path).pixels


def _head(target: "Target[Imaging]", n: int) -> str:
    """Of a column of results."""
    return f"{target.title} {target.draw + 1}" if n > 1 else target.title


def mean(rows: Sequence[dict[str, Any]], name: str) -> float:
    """Over the files with a finite score; inf if all are identical to the truth."""
    values = [row[name] for row in rows if math.isfinite(row[name])]
    if values:
        return sum(values) / len(values)
    return rows[0][name] if rows else math.nan


def shown(pixels: "np.ndarray", field: "Field | None") -> "Image.Image":
    """A small picture of [H, W, C] for the page; of classes in their colours."""
    import numpy as np
    from PIL import Image

    from ..use.writing import picture, to_bits

    if pixels.dtype == np.int64 and field is not None:
        pixels = np.array(field.palette, np.uint8)[pixels[..., 0]]
    if pixels.dtype not in (np.uint8, np.uint16):
        low, high = float(pixels.min()), float(pixels.max())
        pixels = ((pixels - low) / max(high - low, 1e-9) * 255).astype(np.uint8)
    image = picture(to_bits(pixels, 8)).convert("RGB")
    image.thumbnail((_sheet.SIDE, _sheet.SIDE), Image.Resampling.LANCZOS)
    return image


def _alike(pixels: "np.ndarray", like: "np.ndarray") -> "np.ndarray":
    from ..data.picture import with_channels

    return pixels if like.dtype == "int64" else with_channels(pixels, like.shape[2])


def _told(value: float) -> str:
    return f"{value:.4g}"
