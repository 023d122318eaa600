"""Score a run: compare its samples with the held-out part of its data.

  saddle evaluate runs/dcgan-digits
  saddle evaluate runs/dcgan-digits --metrics fid,kid,precision,recall -n 5000
  saddle evaluate runs/mine --metrics fid --extractor inception --weights pt_inception-2015-12-05-6726825d.pth
  saddle evaluate runs/cyclegan-mine --metrics lpips --weights alexnet-owt-7be5be79.pth --weights alex.pth
  saddle evaluate runs/cyclegan-digits-inverted --judge digits
  saddle evaluate --list

Beside scores of translations stand those of simple answers: the input as it is, the mean image, a table of colours.

Every score has its standard error and, with --json, the fingerprint of what it was measured with. Scores of
different fingerprints are not comparable.
"""

from argparse import Action, ArgumentParser, Namespace
from pathlib import Path
from typing import Any, NoReturn

from ..base.folder import RunFolder
from . import _open
from ._show import table

SETTINGS = _open.SETTINGS


class _List(Action):
    """Print the metrics and leave, as --help does."""

    def __call__(self, parser: ArgumentParser, *rest: Any) -> NoReturn:
        from ..metrics import metric_names

        table(["metric", "what it says"], metric_names().items())
        parser.exit()


def arguments(parser: ArgumentParser) -> None:
    _open.arguments(parser)
    parser.set_defaults(before=_check)
    parser.add_argument("--metrics", metavar="A,B,…", help="by default those that suit the data")
    parser.add_argument(
        "-n",
        type=_open.whole(2),
        help="samples to draw; by default the plan's, else as many as the data ask for: mostly 2000",
    )
    parser.add_argument("--extractor", help="digits, inception, pixels or own; by default the data's own")
    parser.add_argument(
        "--weights",
        type=Path,
        action="append",
        metavar="FILE",
        help="weights of the inception extractor; given twice for lpips, of its network and its linear layers",
    )
    parser.add_argument(
        "--judge", metavar="WHO", help="classifier of translations: digits, or the folder of a run that classifies"
    )
    parser.add_argument("--seed", type=_open.whole(0), default=0, help="by default 0")
    parser.add_argument(
        "--json", action="store_true", help="for programs: {name: {value, uncertainty, fingerprint, …}}"
    )
    parser.add_argument("--list", action=_List, nargs=0, help="print the metrics and leave")


def _check(args: Namespace) -> None:
    """UsageError for a misspelt metric, and for a folder that is no run: both before a checkpoint is read."""
    if names := _names(args):
        from ..metrics.names import chosen

        chosen(names)
    RunFolder(args.run).check()


def _names(args: Namespace) -> list[str] | None:
    return [name.strip() for name in args.metrics.split(",")] if args.metrics else None


def run(args: Namespace) -> None:
    from ._scores import tell

    scores = _open.opened(args).evaluate(_names(args), args.n, args.extractor, args.weights, args.seed, args.judge)
    tell(scores, args.json)
