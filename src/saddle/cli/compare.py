"""Compare runs honestly: settings, curves, pictures, and scores with intervals.

  saddle compare runs/a runs/b
  saddle compare runs/a runs/b runs/c --seeds 3      trains two more seeds of each, where they are not there yet
  saddle compare runs/a runs/b --csv scores.csv

The first run is what the others are compared with. One run of each recipe says nothing of another training: two runs of
one recipe differ too. With several seeds the difference of the means comes with Welch's 95 % interval, the effect in
parts of the runs' deviation (Hedges' g), and p after Holm's correction for several comparisons; a claim needs three
seeds each. Runs without an end, and scores that were not measured alike, are refused before a seed is trained. A page
with curves and pictures is written into the current folder. The same command writes it anew; what it did not write is
never overwritten. An arrow says which values are better.
"""

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.errors import UsageError, remark, some
from ._show import json, line, table

if TYPE_CHECKING:
    from ..runs.differing import Comparison

SETTINGS: tuple[str, ...] = ()
BEGINNING = 1000  # characters of a file that say who wrote it


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("runs", nargs="+", metavar="RUN", type=Path, help="folders of runs, the first one the baseline")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="seeds of each; missing ones are trained")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the scores there, a row for each run's recipe")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="the page; by default compare-A-B.html, of the runs' names"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps; by default auto")
    parser.add_argument("--json", action="store_true", help="for programs; what it does is said on standard error")


def run(args: Namespace) -> None:
    if args.seeds < 1:
        raise UsageError(f"--seeds is at least 1, not {args.seeds}")
    from ..base.files import replace
    from ..report.compared import is_page, page
    from ..runs.differing import compare, is_csv

    out = args.out or _page_of(args.runs)
    _check_ours("--out", out, is_page)
    if args.csv:
        _check_ours("--csv", args.csv, is_csv)
    found = compare(args.runs, args.seeds, args.device, say=remark if args.json else line)
    if args.csv:
        replace(args.csv, found.csv().encode())
    names = [group.name for group in found.groups]
    rows, notes = [_cells(vars(each)) for each in found.lines], _notes(found)
    page_of = page([group.runs for group in found.groups], names, found.settings, HEADS, rows, notes)
    replace(out, page_of.encode())
    if args.json:
        lines = [vars(each) for each in found.lines]
        json({"settings": found.settings, "lines": lines, "left_out": found.left_out, "page": str(out)})
        return
    if found.settings:
        table(["setting", *names], [(name, *_short(values)) for name, values in found.settings.items()])
    line("")
    table(HEADS, rows)
    line("")
    for note in notes:
        line(note)
    line(f"curves and pictures: {out}")


def _page_of(runs: Sequence[Path]) -> Path:
    """compare-A-B.html, here: of the names of the runs' folders."""
    from ..base.files import safe_name

    return Path(safe_name("-".join(["compare", *(run.resolve().name for run in runs)])) + ".html")


def _check_ours(option: str, path: Path, is_ours: Callable[[str], bool]) -> None:
    """UsageError for what is there and was not written by this command, before anything is trained."""
    if not path.exists():
        return
    if path.is_file():
        with path.open(encoding="utf-8", errors="replace") as file:
            if is_ours(file.read(BEGINNING)):
                return
    raise UsageError(
        f"{option} {path} exists, and saddle compare did not write it; choose another, so that nothing is overwritten"
    )


def _short(values: Sequence[str]) -> Sequence[str]:
    """The values of a setting: fractions with four digits, if they still differ then."""
    shown = [f"{float(text):.4g}" if FRACTION.fullmatch(text) else text for text in values]
    return shown if len({*shown}) == len({*values}) else values


FRACTION = re.compile(r"-?\d+(\.\d+(e[-+]?\d+)?|e-\d+)")
HEADS = ["score", "run", "mean", "seeds", "difference", "95 % interval", "effect", "p", ""]


def _cells(each: dict) -> list[str]:
    """A row of the table, in words."""
    score = f"{each['score']}{WAYS.get(each['better'], '')}"
    value = f"{each['value']:.4g}" + (f" ± {each['spread']:.2g}" if each["spread"] == each["spread"] else "")
    between = f"{each['low']:.3g} to {each['high']:.3g}" if each["low"] == each["low"] else ""
    numbers = [f"{each[name]:.3g}" if each[name] == each[name] else "" for name in ("difference", "effect", "p")]
    return [score, each["group"], value, str(each["runs"]), numbers[0], between, *numbers[1:], each["says"]]


WAYS = {"higher": " ↑", "lower": " ↓", "one": " → 1"}  # which values are better


def _notes(found: "Comparison") -> list[str]:
    """What the tables do not say by themselves."""
    notes = []
    if not found.settings:
        notes.append("No setting differs but the seed: this is how far runs of one recipe lie apart.")
    if any(each.says.startswith("one seed") for each in found.lines):
        notes.append(
            "Intervals are over the draw of samples alone: two trainings of one recipe differ by more. "
            "--seeds 3 trains more of each."
        )
    if found.left_out:
        notes.append(f"Left out, since not all of the runs have them: {some(found.left_out)}.")
    return notes
