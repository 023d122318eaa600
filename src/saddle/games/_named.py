"""Games by name: 'wgan-gp' is the one game in games/wgan_gp.py, and 'my-game' the guest whose class is MyGame."""

from __future__ import annotations

import inspect
import pkgutil
import re
import sys
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from .. import games
from ..base import guests
from ..base.errors import SaddleError, UsageError, near

if TYPE_CHECKING:
    from ..tasks import Game

KIND = "games"  # of entry points


def names() -> list[str]:
    """Every game's of the house, in the order of the alphabet; families begin with an underscore and are none."""
    return [*_named_in(*games.__path__)]


@cache
def _named_in(*folders: str) -> tuple[str, ...]:
    """Those of some folders, which are read once, for a training asks dozens of times."""
    modules = (module.name for module in pkgutil.iter_modules(folders))
    return tuple(sorted(name.replace("_", "-") for name in modules if not name.startswith("_")))


def guest_names() -> list[str]:
    """The names of games of other people: classes that are known by now, and what installed packages offer."""
    return sorted(({*_guests()} | {*guests.offered(KIND)}) - {*names()})


def load(name: str) -> type[Game]:
    """The game's class. UsageError for a name that is none, or of several guests."""
    if name not in names():
        return _guest(name)
    module = import_module(f"{games.__name__}.{module_of(name)}")
    from ..tasks import Game

    (game,) = (
        member
        for member in vars(module).values()
        if isinstance(member, type) and issubclass(member, Game) and member.__module__ == module.__name__
    )
    return game


def name_of(game: type[Game]) -> str:
    """The name of a game's class, by which `load` gives it back. UsageError for a class that can have none.

    A guest's is the name of its class: MyGame is my-game.
    """
    from ..tasks import Game

    if not (isinstance(game, type) and issubclass(game, Game)):
        raise UsageError(f"a game is a class made from saddle.tasks.Game or from another game, not {game!r}")
    if inspect.isabstract(game):
        lacks = ", ".join(sorted(game.__abstractmethods__))
        raise UsageError(f"{game.__name__} is no whole game: it has no {lacks}")
    if guests.is_guest(game):
        name = _kebab(game.__name__)
        _check_free(name, game)
    else:
        name = game.__module__.rpartition(".")[2].replace("_", "-")
    if load(name) is not game:
        raise UsageError(f"{game.__module__}.{game.__qualname__} was defined again since; take the new class")
    return name


def module_of(name: str) -> str:
    """The file's name, without its ending, of a game of the house. UsageError for a name that is none."""
    possible = names()
    if name not in possible:
        raise _unknown(name)
    return name.replace("-", "_")


def check_plugged(module: str) -> None:
    """UsageError for a game in this module, which is imported, that has the name of one of the house."""
    for name, kinds in _guests().items():
        for kind in kinds:
            if kind.__module__ == module:
                _check_free(name, kind)


def _check_free(name: str, game: type[Game]) -> None:
    if name in names():
        raise UsageError(
            f"{game.__module__}.{game.__qualname__} would be called '{name}', and that is a game of Saddle's; "
            "give your class another name"
        )


def _guest(name: str) -> type[Game]:
    found = _guests().get(name, [])
    if not found and name in guests.offered(KIND):
        kind = guests.fetch(KIND, name)
        found = _guests().get(name, [])
        if found != [kind]:
            package = guests.package(guests.offered(KIND)[name])
            raise SaddleError(
                f"the package {package} offers a game '{name}', and what it holds is no game of that name: its class "
                "would be MyGame for my-game; mend or remove the package"
            )
    if not found:
        raise _unknown(name)
    if len(found) > 1:
        where = " and ".join(f"{kind.__module__}.{kind.__qualname__}" for kind in found)
        raise UsageError(f"'{name}' may be {where}; rename one of these classes")
    return found[0]


def _guests() -> dict[str, list[type[Game]]]:
    """The whole games that other modules have defined, by name; of one that was defined again, the newest."""
    if f"{guests.HOUSE}.tasks" not in sys.modules:  # and so nobody can have; torch stays out
        return {}
    from ..tasks import Game

    kinds: dict[str, type[Game]] = {}
    waiting: list[type[Game]] = [Game]
    while waiting:
        kind = waiting.pop(0)
        waiting += kind.__subclasses__()
        if guests.is_guest(kind) and not inspect.isabstract(kind) and not kind.__name__.startswith("_"):
            key = f"{kind.__module__}.{kind.__qualname__}"
            kinds[key] = kinds[key] if key in kinds and _is_current(kinds[key]) else kind
    found: dict[str, list[type[Game]]] = {}
    for kind in kinds.values():
        found.setdefault(_kebab(kind.__name__), []).append(kind)
    return found


def _is_current(kind: type) -> bool:
    """Is this class what its module holds by its name now?"""
    return vars(sys.modules.get(kind.__module__, sys)).get(kind.__qualname__) is kind


def _kebab(name: str) -> str:
    """MyGame → my-game, HTTPGame → http-game."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_+", "-", name).strip("-").lower()


def _unknown(name: str) -> UsageError:
    possible = [*names(), *guest_names()]
    return UsageError(f"no game '{name}'{near(name, possible)}; there are {', '.join(possible)}")
