"""Start a run, or go on with it: the same command does both.

  saddle train PHOTOS                                     your images: a folder decides what is trained, for 30 minutes
  saddle train HORSES ZEBRAS                              two folders: turn images of one kind into the other
  saddle train                                            DCGAN on small digits
  saddle train wgan-gp --data ring --plan.minutes 1       another embedded source: saddle data
  saddle train dcgan --data folder:photos --data.size 64  your images, with the paper's settings
  saddle train gan --game.penalties R1 --game.penalties.R1.weight 5 --plan.batch 32
  saddle train --run runs/dcgan-digits                    go on with a run
  saddle train --run runs/a --plan.rounds 12000           make it longer
  saddle train --config runs/a/recipe.yaml --run runs/b   the same recipe again
  saddle train --from runs/a --run runs/b --data ring     begin with the weights of another run
  torchrun --nproc-per-node 2 -m saddle train dcgan       on two processes

A setting is --game.NAME, --data.NAME or --plan.NAME with its value; --data X is short for --data.source X.
`saddle describe GAME` lists them all, with the defaults. On data that Saddle brings along, a game starts from a
recipe made for them; on your own data, from the paper's settings. One budget (--plan.rounds, --plan.images or
--plan.minutes) replaces the recipe's. A run goes on with the settings that it began with; a longer plan makes it
longer. A run --from another one begins with those of its weights that fit by name and shape, and, where no game is
named, has its settings.
Under torchrun, which takes --run for an option of its own, write --folder instead.
"""

import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from ..base.errors import UsageError
from ..base.folder import RunFolder
from . import _tracked
from ._terminal import settle

SETTINGS = ("game", "data", "plan")


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "game", nargs="?", help="a game of `saddle list`, or your folder or image, which then decides; by default dcgan"
    )
    parser.add_argument("other", nargs="?", metavar="FOLDER", help="a second folder: learn to turn one into the other")
    parser.add_argument(
        "--run",
        "--folder",
        dest="run",
        type=Path,
        metavar="DIR",
        help="the run's folder; by default runs/GAME-DATA, of a folder that decides runs/own-FOLDER",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="start from this recipe")
    parser.add_argument(
        "--from", dest="start", type=Path, metavar="RUN", help="begin with the weights of this run, those that fit"
    )
    parser.add_argument(
        "--from-checkpoint",
        dest="checkpoint",
        metavar="WHICH",
        help="checkpoint of that run: best, last or a round; by default best",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps; by default auto")
    _tracked.arguments(parser)
    parser.add_argument("--quiet", action="store_true", help="print nothing")


def run(args: Namespace) -> None:
    from ..runs.voice import Voice

    follows = os.environ.get("RANK", "0") != "0"  # another process of torchrun's speaks
    Voice(args.quiet or follows).say(f"starting {_asked(args)}; PyTorch is loading")
    try:
        _train(args)
    finally:
        settle(sys.stdout)  # what it says is no result: that nobody could read it is no error


def _asked(args: Namespace) -> str:
    """What is asked for, as far as it shows without looking at recipes."""
    data = args.settings.get("data.source", args.settings.get("data"))
    begun = args.run if args.run and args.run.exists() else None
    other = f" and {args.other}" if args.other else ""
    return f"{args.config or args.game or begun or 'a training'}{other}" + (f" on {data}" if data else "")


def _train(args: Namespace) -> None:
    from ..runs.recipe import ask, inherited
    from ..runs.session import train
    from ..runs.voice import Voice

    if args.checkpoint and not args.start:
        raise UsageError("--from-checkpoint is of the run that --from names; give both")
    from ..runs.deciding import is_place

    if is_place(args.game):
        return _decided(args)
    if args.other:
        lacks = "" if Path(args.game).exists() else f", but there is no folder {args.game}"
        raise UsageError(
            f"one game is trained at a time, not '{args.game}' and '{args.other}'; or give two folders{lacks}"
        )
    recipe, folder = ask(args.game, args.settings, args.config, args.run, args.start, args.checkpoint or "best")
    is_new = args.start and not (args.config or args.game or RunFolder(folder).recipe.exists())
    if is_new and {"data", "data.source"} & args.settings.keys():
        Voice(args.quiet).say(*inherited(recipe, args.start, args.settings))
    train(recipe, folder, args.device, args.quiet, args.track)


def _decided(args: Namespace) -> None:
    """Of a place that decides itself what is trained; what was decided and why is said before it begins."""
    from ..runs.deciding import ask_of
    from ..runs.session import train
    from ..runs.voice import Voice

    for given, option in ((args.config, "--config"), (args.start, "--from")):
        if given:
            raise UsageError(
                f"{args.game} decides the recipe itself, and {option} names one; with {option}, say --data folder:…"
            )
    places = [args.game, *([args.other] if args.other else [])]
    recipe, folder, said = ask_of(places, args.settings, args.run, args.device)
    Voice(args.quiet).say(*said)
    train(recipe, folder, args.device, args.quiet, args.track)
