"""The arguments that every command on a run has in common."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.errors import remark
from ..base.folder import RunFolder

if TYPE_CHECKING:
    from ..runs.run import Run


SETTINGS = ("data",)  # of a command on a run: where its data lie now, if they have moved


def arguments(parser: ArgumentParser) -> None:
    folder(parser)
    parser.add_argument("--checkpoint", default="best", help="best, last or a round; by default best")
    parser.add_argument("--data", metavar="SOURCE", help="folder of the run's data, if they have moved")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps; by default auto")


def folder(parser: ArgumentParser) -> None:
    """The run itself. The check that its folder holds one comes before other imports, because torch takes seconds."""
    parser.add_argument("run", metavar="RUN", type=Path, help="the run's folder")
    parser.set_defaults(before=lambda args: RunFolder(args.run).check())


def bits(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--bits", type=int, choices=(8, 16), default=8, help="16 gives images of 16 bits, in the data's own range"
    )


def opened(args: Namespace) -> "Run":
    from ..runs.run import Run

    run = Run(args.run, args.checkpoint, args.device, args.settings)
    if run.round == 0 and "imported" not in run.state.facts:
        remark("the checkpoint is of round 0: nothing has been learned yet")
    return run


def tell_doubt(opened: "Run", *labels: str | None) -> None:
    """Say which class a label was taken for, where it could be another one's number."""
    from ..spec import conditions

    for label in labels:
        if label is not None and (told := conditions.doubt(opened.spec.condition, label)):
            remark(told)


def texts(parser: ArgumentParser, help: str) -> None:
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--text", action="append", metavar="TEXT", help=help)
    where.add_argument(
        "--texts", type=Path, metavar="FILE", help="a file with a text on each line, for a game that takes texts"
    )


def read_texts(args: Namespace) -> list[str]:
    """The texts that were given, none if there are none. UsageError for a file that holds none or cannot be read."""
    from ..base.errors import UsageError
    from ..base.plain import Garbled, text

    if args.texts is None:
        return args.text or []
    try:
        lines = text(args.texts).splitlines()
    except FileNotFoundError:
        raise UsageError(f"--texts {args.texts} cannot be read: there is no such file") from None
    except Garbled as error:
        raise UsageError(f"--texts {args.texts} cannot be read as text in UTF-8: {error}") from None
    if texts_given := [line.strip() for line in lines if line.strip()]:
        return texts_given
    raise UsageError(f"--texts {args.texts} holds no texts; write one on each line")


def named(texts: list[str]) -> str:
    """For a name that is still to be made safe: '-text-a-small-red-circle' of the first text, and how many more."""
    from ..spec.text import words

    if not texts:
        return ""
    more = f"-and-{len(texts) - 1}-more" if len(texts) > 1 else ""
    return "-text-" + "-".join(words(texts[0]))[:80] + more


def whole(least: int) -> Callable[[str], int]:
    """The type of an argument that is a whole number of at least `least`."""

    def number(text: str) -> int:
        if not text.removeprefix("-").isdecimal() or int(text) < least:
            raise ArgumentTypeError(f"it wants a whole number from {least} on, not '{text}'")
        return int(text)

    return number


def pixel(text: str) -> tuple[int, int]:
    """The type of an argument that is a pixel's row and column, such as 16,8."""
    y, _, x = text.partition(",")
    if not (y.isdecimal() and x.isdecimal()):
        raise ArgumentTypeError(f"it wants the row and the column of a pixel, from 0 on, such as 16,8, not '{text}'")
    return int(y), int(x)


def size(text: str) -> tuple[int, int]:
    """The type of an argument that is a height and a width, such as 128x256."""
    height, _, width = text.lower().replace("×", "x").partition("x")
    if not (height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        raise ArgumentTypeError(f"it wants a height and a width such as 128x256, not '{text}'")
    return int(height), int(width)
