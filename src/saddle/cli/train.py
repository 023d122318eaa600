"""Start a run, or go on with it: the same command does both.

  saddle train                                            DCGAN on small digits
  saddle train wgan-gp --data ring --plan.minutes 1       another embedded source: saddle data
  saddle train dcgan --data folder:photos --data.size 64  your images, with the paper's settings
  saddle train gan --game.penalties R1 --game.penalties.R1.weight 5 --plan.batch 32
  saddle train --run runs/dcgan-digits                    go on with a run
  saddle train --run runs/a --plan.rounds 12000           make it longer
  saddle train --config runs/a/recipe.yaml --run runs/b   the same recipe again
  torchrun --nproc-per-node 2 -m saddle train dcgan       on two processes

A setting is --game.NAME, --data.NAME or --plan.NAME with its value; --data X is short for --data.source X.
`saddle describe GAME` lists them all, with the defaults. On data that Saddle brings along, a game starts from a
recipe made for them; on your own data, from the paper's settings. One budget (--plan.rounds, --plan.images or
--plan.minutes) replaces the recipe's. A run goes on with the settings that it began with; a longer plan makes it
longer.
Under torchrun, which takes --run for an option of its own, write --folder instead.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

SETTINGS = ("game", "data", "plan")


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("game", nargs="?", help="one that `saddle list` names; by default dcgan")
    parser.add_argument(
        "--run", "--folder", dest="run", type=Path, metavar="DIR", help="the run's folder; by default runs/GAME-DATA"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="start from this recipe")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps; by default auto")
    parser.add_argument("--track", action="store_true", help="write for TensorBoard too, in the run's folder")
    parser.add_argument("--quiet", action="store_true", help="print nothing")


def run(args: Namespace) -> None:
    from ..runs.recipe import ask
    from ..runs.session import train

    recipe, folder = ask(args.game, args.settings, args.config, args.run)
    train(recipe, folder, args.device, args.quiet, args.track)
