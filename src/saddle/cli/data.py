"""List data sources, check a folder of images, score trivial answers, and make small images of large ones.

  saddle data                          the sources
  saddle data check photos/            every image read: sizes, channels, labels, duplicates, and what cannot be read
  saddle data check facades/ --sheet facades.html   which source reads this, and ten of its pairs to look at
  saddle data check digits --json
  saddle data baselines pairs:maps/    what copying, the mean image, … reach on the held-out part, before any training
  saddle data baselines photos --data.degrade bicubic --data.times 4      the same for enlarging small images
  saddle data degrade photographs/ --degrade real --times 4 --out small/  small images as files, to look at them

`check` ends with exit code 1 if a training would not start, because a file cannot be read or there are too few images.
Else it ends with the command to train. Settings such as --data.max_megapixels and --data.skip_bad apply.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.errors import remark
from . import _degrade
from ._baselines import baselines
from ._show import json, line, table

if TYPE_CHECKING:
    from ..data import Report

SETTINGS = ("data",)
SHOWN = 10  # rows of a sheet
ABOUT = ("check", "baselines", "degrade")  # what can be asked of data


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("check", nargs="?", choices=[*ABOUT], help="look at data before training on them")
    parser.add_argument("path", nargs="*", metavar="PATH", help="a folder, a file or the name of a source")
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="check: ten samples with their names, .html or .png")
    _degrade.arguments(parser)
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: Namespace) -> None:
    from ..base.errors import UsageError

    if len(args.path) > 1:
        from ..data.layouts import joined_places

        both = joined_places(args.path)
        raise UsageError(
            f"saddle data {args.check} looks at one thing at a time; several folders are pairs:{both} if their images "
            f"belong together, and domains:{both} if not"
        )
    args.path = next(iter(args.path), None)
    if args.check and not args.path:
        raise UsageError(f"saddle data {args.check} wants a folder, a file or the name of a source after it")
    if args.sheet and args.check != "check":
        raise UsageError("--sheet draws what saddle data check looks at: saddle data check PATH --sheet FILE.html")
    if args.check != "degrade" and (given := [name for name in _degrade.GIVEN if getattr(args, name) is not None]):
        raise UsageError(f"--{given[0]} is for saddle data degrade FOLDER; for training there is --data.degrade")
    {None: _list, "check": _check, "baselines": baselines, "degrade": _degrade.degrade}[args.check](args)


def _list(args: Namespace) -> None:
    from ..data import list_sources

    if args.json:
        json([{"name": name, "description": text} for name, text in list_sources().items()])
    else:
        table(["source", "what it is"], list_sources().items())


def _check(args: Namespace) -> None:
    from ..base.errors import SaddleError, UsageError
    from ..base.settings import nest, restore
    from ..data import DataOptions, check

    if args.sheet:
        from . import _sheet  # which loads torch

        _sheet.check_name(args.sheet)
    edits = {"data": {}} | nest(args.settings)
    report = check.check_data(args.path, restore(DataOptions, edits["data"], "data"))
    if args.json:
        json(report.to_dict())
    else:
        line("\n".join(report.lines()))
    if args.sheet and report.shown:
        _draw(report, args.sheet)
    if not report.good:
        drawn = "" if report.shown or not args.sheet else f" Nothing is drawn into {args.sheet}."
        raise SaddleError(f"{args.path} cannot be trained on as it is: {report.reason}{drawn}")
    if args.sheet and not report.shown:
        raise UsageError(f"--sheet draws images, and {args.path} has none; leave it out")


def _draw(report: "Report", path: Path) -> None:
    """Ten rows, and where they were written."""
    from ..show import pictures
    from . import _sheet

    assert report.shown is not None
    shown = report.shown(SHOWN)
    heads = [f"{key}: {report.keys[key].title}".removesuffix(": ") for key in report.keys]
    rows = [[(name, pictures.grid(image[None], padding=0)) for _, name, image in row] for row in shown]
    if not report.keys:  # one key: half as many rows of two, rather than a long strip
        rows = [[*one, *other] for one, other in zip(rows[::2], [*rows[1::2], []], strict=False)]
    _sheet.write(path, f"{report.what} {report.name}".strip(), heads, rows, report.lines())
    remark(f"drawn into {path}")
