"""Score a run: its samples against the part of its data that was held out.

  saddle evaluate runs/dcgan-digits
  saddle evaluate runs/dcgan-digits --metrics fid,kid,precision,recall -n 5000
  saddle evaluate runs/mine --metrics fid --extractor inception --weights pt_inception-2015-12-05-6726825d.pth
  saddle evaluate runs/cyclegan-mine --metrics lpips --weights alexnet-owt-7be5be79.pth --weights alex.pth
  saddle evaluate runs/cyclegan-digits-inverted --judge digits
  saddle evaluate --list

Scores of translations have others' beside them: of the input as it is, of the mean image, of a table of colours.

Every score carries its standard error and, with --json, the fingerprint of what it was measured with: scores of
different fingerprints do not compare.
"""

from argparse import Action, ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from ..base.errors import remark
from . import _open
from ._show import json, table

if TYPE_CHECKING:
    from ..metrics.score import Score

SETTINGS = _open.SETTINGS


class _List(Action):
    """Print the metrics and leave, as --help does."""

    def __call__(self, parser: ArgumentParser, *rest: Any) -> NoReturn:
        from ..metrics import metric_names

        table(["metric", "what it says"], metric_names().items())
        parser.exit()


def arguments(parser: ArgumentParser) -> None:
    _open.arguments(parser)
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
        help="weights in your hands: the inception extractor's; twice for lpips, the network's and the linear ones",
    )
    parser.add_argument(
        "--judge", metavar="WHO", help="of translations: digits, or the folder of a run that classifies"
    )
    parser.add_argument("--seed", type=_open.whole(0), default=0, help="by default 0")
    parser.add_argument(
        "--json", action="store_true", help="for programs: {name: {value, uncertainty, fingerprint, …}}"
    )
    parser.add_argument("--list", action=_List, nargs=0, help="print the metrics and leave")


def run(args: Namespace) -> None:
    from ..metrics.names import chosen

    names = [name.strip() for name in args.metrics.split(",")] if args.metrics else None
    chosen(names or [])  # a misspelt name shows before a checkpoint is read
    scores = _open.opened(args).evaluate(names, args.n, args.extractor, args.weights, args.seed, args.judge)
    if args.json:
        json({name: score.to_dict() for name, score in scores.items()})
        return
    beside = list(dict.fromkeys(name for score in scores.values() for name in score.beside))
    lines = [line for score in scores.values() for line in _lines(score, beside)]
    table(["score", "value", "error", "better", *beside, "measured with"], lines)
    for note in dict.fromkeys(score.note for score in scores.values() if score.note):
        remark(note)


def _lines(score: "Score", beside: list[str]) -> Iterator[list[str]]:
    """The score, and below it every way, where there are several; behind either what others score there."""
    from ..metrics.score import plus_minus

    def line(name: str, numbers: dict[str, float], better: str, basis: str = "") -> list[str]:
        others = (f"{numbers[each]:.4g}" if each in numbers else "" for each in beside)
        return [name, f"{numbers['value']:.4g}", plus_minus(numbers["uncertainty"]), better, *others, basis]

    whole = {"value": score.value, "uncertainty": score.uncertainty} | score.beside
    yield line(
        score.name, whole, {"lower": "↓", "higher": "↑", "one": "→1", "none": ""}[score.better], score.measured_with
    )
    for way, numbers in score.ways.items():
        yield line(f"  {way}", numbers, "")
