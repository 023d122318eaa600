"""Train games side by side, with several seeds each, and print one table with its spread.

  saddle benchmark modes                                     which modes of ring, grid and stacked digits are drawn
  saddle benchmark modes --games gan,wgan-gp --data ring --seeds 5
  saddle benchmark modes --games gan --data ring --game.network MixtureMaxout --plan.rounds 20000
  saddle benchmark labels                                    what 5, 10 and 50 labels of each digit are enough for
  saddle benchmark labels --games sgan --labels 10 --seeds 5

modes: plain GANs drop modes or collapse to a few; games with a remedy do not. Each game is trained with its recipe for
the data; --game.NAME and --plan.NAME change all recipes alike. The table has median [least – greatest] over the seeds,
for the samples of the last round: 2,500 points, or 26,000 stacked digits, as in VEEGAN and PacGAN. The folder holds the
runs and modes.png, the last pictures of them all. A finished run is not trained again; after an interruption the same
command goes on.

labels: each game that learns from images without a label, beside the same classifier trained on the labels alone for
as many rounds. It prints the shares of held-out digits that the two get wrong, and how many % fewer for the game.
"""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from . import _open
from ._show import heading, json, table

if TYPE_CHECKING:
    from ..runs.benchmark import Bench

SETTINGS = ("game", "plan")


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("table", metavar="TABLE", choices=["modes", "labels"], help="modes or labels")
    parser.add_argument("--games", metavar="A,B,…", help="by default all that have a recipe for the data")
    parser.add_argument(
        "--data", metavar="A,B,…", help="for the benchmark of modes, its data; by default all whose modes are known"
    )
    parser.add_argument(
        "--labels",
        metavar="N,N,…",
        type=_counts,
        help="for the benchmark of labels, how many each class has; by default 5,10,50",
    )
    parser.add_argument("--seeds", type=_open.whole(1), default=3, help="runs of each game; by default 3")
    parser.add_argument("--out", type=Path, metavar="DIR", help="the runs' folder; by default runs/benchmark-TABLE")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps; by default auto")
    parser.add_argument("--json", action="store_true", help="for programs: [{game, data, seed, run, seconds, scores}]")


def run(args: Namespace) -> None:
    _check(args)
    out = args.out or Path("runs", f"benchmark-{args.table}")
    (_labels if args.table == "labels" else _modes)(args, out)


def _labels(args: Namespace, out: Path) -> None:
    from ..runs import benchmark

    entries = benchmark.labels(_bench(args, out), args.labels or benchmark.LABELLED)
    json([asdict(entry) for entry in entries]) if args.json else table(*benchmark.label_table(entries))


def _modes(args: Namespace, out: Path) -> None:
    from ..data import sources_with_modes
    from ..runs import benchmark
    from ..show import pictures

    entries = benchmark.modes(_bench(args, out), _named(args.data) or list(sources_with_modes()))
    if sheet := benchmark.sheet(entries):
        pictures.save(sheet, out / "modes.png")
    if args.json:
        json([asdict(entry) for entry in entries])
        return
    for source, columns, lines in benchmark.tables(entries):
        heading(source)
        table(columns, lines)


def _bench(args: Namespace, out: Path) -> "Bench":
    from ..runs.benchmark import Bench
    from ..runs.voice import Voice

    say = None if args.json else Voice().say
    return Bench(_named(args.games), args.seeds, out, args.settings, args.device, say)


def _counts(text: str) -> list[int]:
    return [_open.whole(1)(part) for part in _named(text)]


def _check(args: Namespace) -> None:
    """UsageError for an option of the other table."""
    from ..base.errors import UsageError

    for option, table_ in (("data", "modes"), ("labels", "labels")):
        if args.table != table_ and getattr(args, option):
            raise UsageError(f"benchmark {args.table} has no use for --{option}; benchmark {table_} has")


def _named(text: str | None) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in text.split(","))) if text else []
