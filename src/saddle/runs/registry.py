"""The folder `games` is the registry: 'wgan-gp' is the one game in games/wgan_gp.py.

Names and summaries are read from the files, so that listing the games imports none of them, and no torch.
"""

from __future__ import annotations

import ast
import pkgutil
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from .. import games
from ..base.errors import UsageError, near
from ..base.files import parsed

if TYPE_CHECKING:
    from ..tasks import Game


def names() -> list[str]:
    """Every game's, in the order of the alphabet; families begin with an underscore and are none."""
    modules = (module.name for module in pkgutil.iter_modules(games.__path__))
    return sorted(name.replace("_", "-") for name in modules if not name.startswith("_"))


def load(name: str) -> type[Game]:
    """The game's class. UsageError for a name that is none."""
    module = import_module(f"{games.__name__}.{_module(name)}")
    from ..tasks import Game

    (game,) = (
        member
        for member in vars(module).values()
        if isinstance(member, type) and issubclass(member, Game) and member.__module__ == module.__name__
    )
    return game


def source(name: str) -> str:
    """The text of the game's file. UsageError for a name that is none."""
    file = f"{_module(name)}.py"
    return next(path for path in (Path(folder, file) for folder in games.__path__) if path.exists()).read_text("utf-8")


def summary(name: str) -> str:
    """Title, authors, year and paper: the first paragraph of the game's file. UsageError for a name that is none."""
    text = ast.get_docstring(parsed(source(name))) or ""
    return " ".join(text.partition("\n\n")[0].split())


def _module(name: str) -> str:
    possible = names()
    if name not in possible:
        raise UsageError(f"no game '{name}'{near(name, possible)}; there are {', '.join(possible)}")
    return name.replace("-", "_")
