"""Games by name: 'wgan-gp' is the one game in games/wgan_gp.py."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING

from .. import games
from ..base.errors import UsageError, near

if TYPE_CHECKING:
    from ..tasks import Game


def names() -> list[str]:
    """Every game's, in the order of the alphabet; families begin with an underscore and are none."""
    modules = (module.name for module in pkgutil.iter_modules(games.__path__))
    return sorted(name.replace("_", "-") for name in modules if not name.startswith("_"))


def load(name: str) -> type[Game]:
    """The game's class. UsageError for a name that is none."""
    module = import_module(f"{games.__name__}.{module_of(name)}")
    from ..tasks import Game

    (game,) = (
        member
        for member in vars(module).values()
        if isinstance(member, type) and issubclass(member, Game) and member.__module__ == module.__name__
    )
    return game


def module_of(name: str) -> str:
    """The file's name, without its ending. UsageError for a name that is none."""
    possible = names()
    if name not in possible:
        raise UsageError(f"no game '{name}'{near(name, possible)}; there are {', '.join(possible)}")
    return name.replace("-", "_")
