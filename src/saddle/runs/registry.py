"""The folder `games` is the registry: 'wgan-gp' is the one game in games/wgan_gp.py. Guests stand beside it.

Names and summaries are read from the files, so that listing the games imports none of them, and no torch.
"""

from __future__ import annotations

import ast
import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING, overload

from .. import games
from ..base import guests
from ..base.files import parsed
from ..games._named import KIND, check_plugged, guest_names, load, module_of, name_of, names

if TYPE_CHECKING:
    from ..tasks import Game

__all__ = ["check_plugged", "guest_names", "in_short", "load", "name_of", "named", "names", "source", "summary", "text"]


@overload
def named(game: str | type[Game]) -> str: ...
@overload
def named(game: None) -> None: ...
def named(game: str | type[Game] | None) -> str | None:
    """The name of a game that is given by its name, or as a class. UsageError for what can have none."""
    return game if game is None or isinstance(game, str) else name_of(game)


def source(name: str) -> str:
    """The text of the game's file, of one of the house. UsageError for a name that is none."""
    file = f"{module_of(name)}.py"
    return next(path for path in (Path(folder, file) for folder in games.__path__) if path.exists()).read_text("utf-8")


def text(name: str) -> str:
    """What the game says of itself: its file's docstring, of a guest its class's, or else its module's."""
    if name in names():
        return ast.get_docstring(parsed(source(name))) or ""
    game = load(name)
    around = getattr(sys.modules.get(game.__module__), "__doc__", None)  # a notebook may have let go of the module
    return inspect.cleandoc(vars(game).get("__doc__") or around or game.__name__)


def summary(name: str) -> str:
    """Title, authors, year and paper: the first paragraph of the game's file. UsageError for a name that is none.

    Of a guest that is not loaded yet, the package that offers it.
    """
    offered = guests.offered(KIND).get(name)
    if offered and name not in names():
        return f"offered by the package {guests.package(offered)}"
    return " ".join(text(name).partition("\n\n")[0].split())


def in_short(kind: type[Game]) -> str:
    """What a game does, in a sentence: its own, or of a guest that has none the first paragraph of its docstring."""
    if "in_short" in vars(kind) or not guests.is_guest(kind):
        return kind.in_short
    said = summary(name_of(kind))
    return said if said.endswith(".") else f"{said}."
