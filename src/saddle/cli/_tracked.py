"""--track of the commands that train."""

from argparse import ArgumentParser


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--track",
        nargs="?",
        const="tensorboard",
        default="",
        metavar="WHERE",
        help="pass on what is logged to tensorboard, mlflow or wandb, or to several: tensorboard,mlflow; without a "
        "name to tensorboard, in the run's folder",
    )
