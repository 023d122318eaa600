"""The arguments that every command on a run has in common."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..run import Run


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", type=Path, help="the run's folder")
    parser.add_argument("--checkpoint", default="best", help="best, last or a round; by default best")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps; by default auto")


def opened(args: Namespace) -> "Run":
    from ..run import Run

    return Run(args.run, args.checkpoint, args.device)


def whole(least: int) -> Callable[[str], int]:
    """The type of an argument that is a whole number of at least `least`."""

    def number(text: str) -> int:
        if not text.removeprefix("-").isdecimal() or int(text) < least:
            raise ArgumentTypeError(f"it wants a whole number from {least} on, not '{text}'")
        return int(text)

    return number


def size(text: str) -> tuple[int, int]:
    """The type of an argument that is a height and a width, such as 128x256."""
    height, _, width = text.lower().replace("×", "x").partition("x")
    if not (height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        raise ArgumentTypeError(f"it wants a height and a width such as 128x256, not '{text}'")
    return int(height), int(width)
