"""Detect in files one after the other, and write what was found as it comes."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..base import telling
from ..base.errors import SaddleError, remark
from ..base.files import quoted, replace
from . import _open, _progress, _show, _use, _works
from ._gathering import Gathering

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    import numpy as np
    from PIL import Image

    from ..runs.calibration import Calibration, Judge
    from ..runs.run import Run
    from ..use.detecting import Found, Seen

LOST = 0.01  # share of an image that may be cut off without a word
OWN_SCALE = "scaled to this image"


def arguments(parser: "ArgumentParser") -> None:
    """What a run is asked with, whoever looks for what is unusual."""
    _use.arguments(parser, "Detection")
    parser.add_argument(
        "--by", choices=("search",), help="search detects by a search in the latents, with any run that draws samples"
    )


def opened(args: "Namespace") -> "Run":
    """The run as what finds the unusual."""
    run = _open.opened(args)
    return run.by_search() if args.by else run


@dataclass(frozen=True)
class By:
    """By what images are judged, and what was chosen of the game's `Use`."""

    judge: "Judge"
    chosen: Any


@dataclass(frozen=True)
class Scale:
    """Of heat maps: that of the run's good images, or each image's own."""

    calibration: "Calibration | None"
    own: bool

    def heat(self, values: "np.ndarray") -> "np.ndarray":
        """A map [H, W] as 0 to 1; NaN stays."""
        import numpy as np

        from ..show import heat

        if self.own:
            return heat.scaled(values, float(np.nanmin(values)), float(np.nanmax(values)))
        assert self.calibration is not None  # else nothing is drawn
        return heat.scaled(values, *self.calibration.scale)

    def marked(self, picture: "Image.Image") -> "Image.Image":
        """The picture; with a line that says so, if its scale is its own."""
        from ..show import heat

        return heat.watermarked(picture, OWN_SCALE) if self.own else picture


class Detecting:
    """One command's work."""

    def __init__(self, opened: "Run", args: "Namespace", plan: _works.Plan, by: By, scale: Scale, kept: bool):
        self.opened, self.args, self.plan, self.by, self.scale, self.kept = opened, args, plan, by, scale, kept
        self.gathering = Gathering()
        self.written: list[Path] = []
        short = Counter(self._below(work).with_suffix("") for work in plan.works)
        self.clear = {below for below, n in short.items() if n == 1}  # names that need no suffix to be distinguished

    def all(self) -> list[dict[str, Any]]:
        """A row for each image; written as soon as it is there: what is done stays done if a later one stops it all."""
        from ..runs import finding

        rows: list[dict[str, Any]] = []
        sight = finding.view(self.opened)
        try:
            with _progress.shown("images"):
                for (work, picture), found in finding.each_found(self.opened, self._read(), sight, self.by.chosen):
                    rows += self._kept(work, picture, finding.judged(found, self.by.judge), bool(rows))
        finally:
            self.gathering.tell()
        return rows

    def _read(self) -> "Iterator[tuple[tuple[_works.Work, np.ndarray | None], Seen]]":
        """Every image that can be read, with its picture if something is drawn on it."""
        from ..data import decode
        from ..runs import finding

        sight = finding.view(self.opened)
        options = self.opened.recipe.data
        for work in telling.each("images", self.plan.works, len(self.plan.works)):
            try:
                picture = finding.stored(self.opened, work.path, work.page)
                if options.pages == "first" and decode.header(work.path, options.max_megapixels, 0, True).pages > 1:
                    self.gathering.notes["of several pages or frames the first alone was looked at"][work.name] = None
                seen = sight.see(picture)
            except (decode.Unreadable, SaddleError) as error:
                self.gathering.failed(work.title, error)
                continue
            yield (work, picture if self.args.overlays else None), seen

    def _kept(
        self, work: _works.Work, picture: "np.ndarray | None", found: "Found", more: bool
    ) -> list[dict[str, Any]]:
        """The row of an image, which is written with its pictures; none of one that failed, which is remembered."""
        row = {
            "file": work.title,
            "score": found.score,
            **found.parts,
            "quantile": found.quantile,
            "threshold": found.threshold,
            "verdict": found.verdict,
        }
        if found.lost > LOST:
            note = (
                "cut at two of its edges, as images of the training were (data.fit crop), and not looked at there; a "
                "run with --data.fit pad or squash looks at the whole"
            )
            self.gathering.notes[note][work.name] = None
        try:
            found.check()
            if self.kept:
                self._draw(work, picture, found)
                self._append(row, more)
        except (SaddleError, OSError) as error:
            self.gathering.failed(work.title, error)
            return []
        return [row]

    def _append(self, row: dict[str, Any], more: bool) -> None:
        """A line of scores.csv, below the names of the columns."""
        text = io.StringIO()
        lines = csv.writer(text)
        if not more:
            lines.writerow(row)
            self.written.append(self.plan.out / "scores.csv")
        lines.writerow("" if value is None else value for value in row.values())
        self.plan.out.mkdir(parents=True, exist_ok=True)
        with (self.plan.out / "scores.csv").open("a", encoding="utf-8", newline="") as file:
            file.write(text.getvalue())

    def _draw(self, work: _works.Work, picture: "np.ndarray | None", found: "Found") -> None:
        """The pictures that were asked for."""
        import numpy as np

        from ..show import pictures

        if self.args.maps == "npy":
            data = io.BytesIO()
            np.save(data, found.map, allow_pickle=False)
            self.written.append(replace(self._place(work, "map", ".npy"), data.getvalue()))
        drawn = {
            "map": self._map if self.args.maps == "png" else None,
            "mask": self._mask if self.args.masks else None,
            "overlay": (lambda found: self._overlay(found, picture)) if picture is not None else None,
            "side-by-side": self._row if self.args.side_by_side else None,
        }
        for name, draw in drawn.items():
            if draw is not None:
                self.written.append(pictures.save(draw(found), self._place(work, name, ".png")))

    def _map(self, found: "Found") -> "Image.Image":
        """16 bits on the run's scale; 0 where nothing was looked at."""
        import numpy as np
        from PIL import Image

        heat = np.nan_to_num(self.scale.heat(found.map))
        return Image.fromarray((heat * 65535).round().astype(np.uint16))

    def _mask(self, found: "Found") -> "Image.Image":
        from PIL import Image

        assert self.scale.calibration is not None  # which `detect` has seen to
        return Image.fromarray((found.map > self.scale.calibration.pixels).astype("uint8") * 255)

    def _overlay(self, found: "Found", picture: "np.ndarray") -> "Image.Image":
        from PIL import Image

        from ..data.decode import shaped
        from ..show import heat
        from ..use.writing import to_bits

        image = to_bits(shaped(picture, self.opened.recipe.data, 3), 8)
        return self.scale.marked(Image.fromarray(heat.over(image, self.scale.heat(found.map))))

    def _row(self, found: "Found") -> "Image.Image":
        """What the run saw, the normal image next to it, what they differ in (white: by all that can be), the map."""
        import torch

        from ..show import heat, pictures

        columns = {"input": found.seen[None]}
        if found.normal is not None:
            residual = (found.seen - found.normal).abs().mean(0, keepdim=True) - 1
            columns |= {"normal": found.normal[None], "residual": residual[None]}
        colours = heat.colours(self.scale.heat(found.seen_map.numpy()))
        columns["map"] = torch.from_numpy(colours).permute(2, 0, 1)[None]
        return self.scale.marked(pictures.rows(columns))

    def _place(self, work: _works.Work, kind: str, suffix: str) -> Path:
        """Where a picture of an image lies: below a folder of its kind, as the image lies below its input."""
        below = self._below(work)
        short = below.with_suffix("")
        return self.plan.out / kind / ((short if short in self.clear else below).as_posix() + suffix)

    def _below(self, work: _works.Work) -> Path:
        return work.out.relative_to(self.plan.out)

    def end(self, rows: list[dict[str, Any]]) -> None:
        """Print what was found. SaddleError names the files that failed, and says that there are anomalies if asked."""
        anomalous = sum(row["verdict"] == "anomalous" for row in rows)
        judge, skips = self.by.judge, self.opened.recipe.data.skip_bad
        if self.args.json:
            files = [str(path) for path in self.written]
            _show.json({"images": rows, "threshold": judge.threshold, "files": files})
        elif rows:
            self._show(rows, anomalous)
        self.gathering.bad = [*self.plan.bad, *self.gathering.bad]
        told = f"{anomalous:,} of {len(rows):,} images are anomalous"
        if anomalous and self.args.fail_on_anomaly:
            if self.gathering.bad:
                remark(told)
            self.gathering.end(len(rows), skips)
            raise SaddleError(told)
        self.gathering.end(len(rows), skips)

    def _show(self, rows: list[dict[str, Any]], anomalous: int) -> None:
        """The table, and what it rests on."""
        from ..data.files import count

        judge = self.by.judge
        heads = ["file", "score", *(["higher than"] if judge.calibration else [])]
        table = [[row["file"], f"{row['score']:.4g}"] for row in rows]
        for line, row in zip(table, rows, strict=True):
            if judge.calibration:
                line.append(f"{100 * row['quantile']:.4g} % of good images")
            if judge.threshold is not None:
                line.append(row["verdict"])
        _show.table([*heads, *(["verdict"] if judge.threshold is not None else [])], table)
        if judge.threshold is not None:
            _show.line(f"{anomalous:,} of {len(rows):,} images are anomalous: above {judge.threshold:.4g}")
        if self.written:
            _show.line(f"{count(len(self.written), 'file')} in {self.plan.out}")
        if judge.threshold is None and self.args.threshold is None:
            command = f"saddle calibrate {quoted(self.opened.folder)} GOOD"
            remark(f"no verdicts: the run is not calibrated; {command} finds a threshold, from good images")
