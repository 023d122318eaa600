"""The data sources, what is wrong with a folder of images, and what trivial answers score.

  saddle data                          the sources
  saddle data check photos/            every image read: sizes, channels, labels, duplicates, and what cannot be read
  saddle data check digits --json
  saddle data baselines pairs:maps/    what copying, the mean image, … reach on the held-out part, before any training

`check` leaves with 1 if a training would not start, for a file that cannot be read or too few images, and ends with the
command to train if it would. Settings such as --data.max_megapixels and --data.skip_bad apply.
"""

from argparse import ArgumentParser, Namespace

from ._baselines import baselines
from ._show import json, line, table

SETTINGS = ("data",)
ABOUT = ("check", "baselines")  # what can be asked of data


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("check", nargs="?", choices=[*ABOUT], help="look at data before training on them")
    parser.add_argument("path", nargs="?", metavar="PATH", help="a folder, a file or the name of a source")
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: Namespace) -> None:
    from ..base.errors import UsageError

    if args.check and not args.path:
        raise UsageError(f"saddle data {args.check} wants a folder, a file or the name of a source after it")
    {None: _list, "check": _check, "baselines": baselines}[args.check](args)


def _list(args: Namespace) -> None:
    from ..data import list_sources

    if args.json:
        json([{"name": name, "description": text} for name, text in list_sources().items()])
    else:
        table(["source", "what it is"], list_sources().items())


def _check(args: Namespace) -> None:
    from ..base.errors import SaddleError
    from ..base.settings import nest, restore
    from ..data import DataOptions, check

    edits = {"data": {}} | nest(args.settings)
    report = check.check_data(args.path, restore(DataOptions, edits["data"], "data"))
    if args.json:
        json(report.to_dict())
    else:
        line("\n".join(report.lines()))
    if not report.good:
        raise SaddleError(f"{args.path} cannot be trained on as it is: {report.reason}")
