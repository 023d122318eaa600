"""Options of translate that change the objects of a map, or how they look, before it is translated."""

import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from dataclasses import replace
from typing import TYPE_CHECKING

from ..base.errors import UsageError, some
from . import _open

if TYPE_CHECKING:
    from ..tasks import Translation
    from ..use.asked import Beside
    from ..use.original import Original

_LOOKS = re.compile(r"\d+=\d+(,\d+=\d+)*")


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--move",
        type=_move,
        action="append",
        metavar="ID=+X,+Y",
        help="move an object of --instances so many pixels to the right and down",
    )
    parser.add_argument("--drop", type=_open.whole(0), action="append", metavar="ID", help="leave an object out")
    parser.add_argument(
        "--add",
        type=_add,
        action="append",
        metavar="CLASS@X,Y",
        help="a copy of the map's largest object of a class, with its middle at column X and row Y",
    )


def is_clusters(text: str) -> bool:
    """Does --style say which clusters objects are to look like, 12=3,15=0, rather than name a file?"""
    return _LOOKS.fullmatch(text) is not None


def looks(args: Namespace) -> dict[int, int]:
    """The clusters that --style asks for, by the numbers of objects. UsageError for an object that is named twice."""
    pairs = [pair.split("=") for text in args.style or () if is_clusters(text) for pair in text.split(",")]
    asked = {int(number): int(cluster) for number, cluster in pairs}
    if len(asked) < len(pairs):
        raise UsageError(f"--style {','.join('='.join(pair) for pair in pairs)} names an object twice")
    return asked


def check(game: "Translation", args: Namespace) -> None:
    """UsageError for edits that this game cannot follow, or that lack the objects, before a file is looked at."""
    changes = [f"--{name}" for name in ("move", "drop", "add") if getattr(args, name)]
    given = [*changes, *(["--style ID=CLUSTER"] if looks(args) else [])]
    if not given:
        return
    if "instances" not in game.beside:
        raise UsageError(f"{type(game).__name__} here has not learned with objects; leave out {some(given)}")
    if changes and game.data.fields[game.way(args.start)[0]].kind != "map":
        raise UsageError(f"{some(changes)} change label maps, and this run draws from images; leave them out")
    if looks(args) and not game.looks():
        raise UsageError(
            f"{type(game).__name__} here has learned no looks of objects to choose from; leave out --style ID=CLUSTER"
        )
    if not args.instances:
        raise UsageError(f"{some(given)}: without the numbers of objects nothing can be found; give --instances FILE")


def edited(original: "Original", beside: "Beside", game: "Translation", args: Namespace) -> "tuple[Original, Beside]":
    """A map and the numbers of its objects as they are asked to be. UsageError for an object that there is not."""
    from ..use import editing

    asked = looks(args)
    if not (args.move or args.drop or args.add or asked):
        return original, beside
    names = game.data.fields[game.way(args.start)[0]].names
    flat = original.pixels[..., 0] if names else beside["instances"] * 0
    scene = editing.Scene(flat, beside["instances"], names or ("object",))
    scene = editing.edited(scene, args.drop or (), dict(args.move or ()), args.add or ())
    more = {"instances": scene.numbers} | ({"clusters": scene.looks(asked)} if asked else {})
    return replace(original, pixels=scene.classes[..., None]) if names else original, {**beside, **more}


def _move(text: str) -> tuple[int, tuple[int, int]]:
    found = re.fullmatch(r"(\d+)=([+-]?\d+),([+-]?\d+)", text)
    if not found:
        raise ArgumentTypeError(f"it wants an object and pixels to the right and down, such as 12=+20,-4, not '{text}'")
    number, right, down = map(int, found.groups())
    return number, (right, down)


def _add(text: str) -> tuple[str, int, int]:
    found = re.fullmatch(r"(.+)@(\d+),(\d+)", text)
    if not found:
        raise ArgumentTypeError(f"it wants a class, a column and a row, such as tree@40,80, not '{text}'")
    return found[1], int(found[2]), int(found[3])
