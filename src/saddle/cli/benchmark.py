"""Train games side by side, with several seeds each, and print one table with its spread.

  saddle benchmark modes                                     which modes of ring, grid and stacked digits are drawn
  saddle benchmark modes --games gan,wgan-gp --data ring --seeds 5
  saddle benchmark modes --games gan --data ring --game.network MixtureMaxout --plan.rounds 20000

modes: plain GANs drop modes or collapse to a few; the cures do not. Each game is trained with its recipe for the data;
--game.NAME and --plan.NAME change all recipes alike. The table has median [least – greatest] over the seeds, of the
samples of the last round: 2,500 points, or 26,000 stacked digits, as in VEEGAN and PacGAN. The folder holds the runs
and modes.png, the last pictures of them all. A finished run is not trained again; after an interruption the same
command goes on.
"""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path

from . import _open
from ._show import heading, json, table

SETTINGS = ("game", "plan")


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("table", metavar="TABLE", choices=["modes"], help="modes")
    parser.add_argument("--games", metavar="A,B,…", help="by default all that have a recipe for the data")
    parser.add_argument("--data", metavar="A,B,…", help="by default ring,grid,stacked-digits")
    parser.add_argument("--seeds", type=_open.whole(1), default=3, help="runs of each game; by default 3")
    parser.add_argument("--out", type=Path, metavar="DIR", help="the runs' folder; by default runs/benchmark-modes")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps; by default auto")
    parser.add_argument("--json", action="store_true", help="for programs: [{game, data, seed, run, seconds, scores}]")


def run(args: Namespace) -> None:
    from .. import benchmark, pictures

    out = args.out or Path("runs", "benchmark-modes")
    places = _named(args.data) or list(benchmark.PLACES)
    entries = benchmark.modes(
        _named(args.games), places, args.seeds, out, args.settings, args.device, None if args.json else print
    )
    if sheet := benchmark.sheet(entries):
        pictures.save(sheet, out / "modes.png")
    if args.json:
        json([asdict(entry) for entry in entries])
        return
    for place, columns, lines in benchmark.tables(entries):
        heading(place)
        table(columns, lines)


def _named(text: str | None) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in text.split(","))) if text else []
