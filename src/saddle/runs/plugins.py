"""Which modules of other people a run was made with: its recipe says so, for people. Nothing is imported for that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from types import ModuleType
from typing import Any

from ..base import guests
from ..base.errors import UsageError
from ..base.settings import brief
from ..data import DataOptions, guest_sources
from ..metrics import names as metrics
from ..tasks import Game
from ..training.plan import Plan
from . import registry

NAME = "plugins"  # in a recipe


def plug(module: str | ModuleType) -> ModuleType:
    """Make known the games, losses, networks, sources, metrics, … that a module defines. It is imported, and trusted.

    The module, its name or the path of a file. UsageError for one that is not there, and for a game, a source or a
    metric in it that has the name of one of Saddle's; SaddleError where it fails.
    """
    found = module if isinstance(module, ModuleType) else guests.imported(module)
    registry.check_plugged(found.__name__)
    guest_sources.check_plugged(found)
    metrics.check_plugged(found)
    guests.plug(found)
    return found


def used(game: str, options: Game.Options, data: DataOptions, plan: Plan, before: Sequence[str]) -> list[str]:
    """The modules, not of the house, that define what these settings name; those `before` too that are not here."""
    homes = [guests.home(kind) for kind in (registry.load(game), *_kinds(options)) if guests.is_guest(kind)]
    homes += filter(None, [guest_sources.home(data.source.partition(":")[0]), *map(metrics.guest_home, plan.metrics)])
    return sorted({*homes, *guests.missing(before)})


def check(given: Any) -> tuple[str, ...]:
    """What a recipe says of its modules. UsageError for what is no list of names."""
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise UsageError(f"{NAME} wants a list of names of modules, not {brief(given)}")
    return tuple(given)


def explained(error: UsageError, modules: Sequence[str], recorded: Mapping[str, str]) -> UsageError:
    """The error, or where modules that a recipe names are not here, which they are and how to bring them.

    `recorded` are the places that a run noted, see `places`.
    """
    if not (lacking := guests.missing(modules)):
        return error
    without = str(error).partition("; there are ")[0]
    files = {module: recorded[f"plugin {module}"] for module in lacking if f"plugin {module}" in recorded}
    whose = " and ".join(lacking)
    return UsageError(
        f"this was made with what {whose} defines, which is not imported on the word of a file; "
        f"{guests.advice(lacking, files)}. Without it: {without}"
    )


def places(modules: Sequence[str]) -> dict[str, str]:
    """Where the files of these modules lie, absolute, for a start from another folder."""
    return {f"plugin {module}": path for module, path in guests.files_of(modules).items()}


def _kinds(value: Any) -> Iterator[type]:
    """The classes of the settings in settings."""
    if isinstance(value, tuple):
        for each in value:
            yield from _kinds(each)
    if is_dataclass(value) and not isinstance(value, type):
        yield type(value)
        for field in fields(value):
            yield from _kinds(getattr(value, field.name))
