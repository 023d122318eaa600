"""The data sources, and what is wrong with a folder of images.

  saddle data                          the sources
  saddle data check photos/            every image read: sizes, channels, labels, duplicates, and what cannot be read
  saddle data check digits --json

`check` leaves with 1 if a training would not start, for a file that cannot be read or too few images, and ends with the
command to train if it would. Settings such as --data.max_megapixels and --data.skip_bad apply.
"""

from argparse import ArgumentParser, Namespace

from ._show import json, line, table

SETTINGS = ("data",)


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("check", nargs="?", choices=["check"], help="look at data before training on them")
    parser.add_argument("path", nargs="?", metavar="PATH", help="a folder, a file or the name of a source")
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: Namespace) -> None:
    from ..base.errors import UsageError

    if args.check and not args.path:
        raise UsageError("saddle data check wants a folder, a file or the name of a source after it")
    (_check if args.check else _list)(args)


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
