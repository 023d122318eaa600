"""Sources of other people: a plugin with a function `open` and a docstring that begins as those in `sources` do.

An entry point offers such a module. Free of torch.
"""

import inspect
import re
from collections.abc import Container
from importlib import import_module
from pathlib import Path
from types import ModuleType

from ..base import guests
from ..base.errors import SaddleError, UsageError

KIND = "sources"  # of entry points


def named_in(text: str) -> dict[str, str]:
    """What the docstring of a source says: its name, or the ways to write it, and what it is."""
    lines = (line.partition(": ") for line in text.partition("\n\n")[0].split("\n"))
    return {name: description for name, _, description in lines}


def listed(house: Container[str]) -> dict[str, str]:
    """The names of guests, and what they are; of one that is not loaded yet, the package that offers it."""
    found = {name: says for module in _modules().values() for name, says in _names(module).items()}
    loaded = {name.partition(":")[0] for name in found}
    packages = {name: f"offered by the package {guests.package(at)}" for name, at in guests.offered(KIND).items()}
    return found | {name: says for name, says in packages.items() if name not in house and name not in loaded}


def module(name: str) -> ModuleType | None:
    """The guest whose source has this name, without a place; None if there is none."""
    return _modules().get(name)


def home(name: str) -> str | None:
    """The module of that source, loaded or not; None for one of the house, or an unknown one."""
    if name in _house():
        return None
    found, offered = _modules().get(name), guests.offered(KIND).get(name)
    return found.__name__ if found else offered.module if offered else None


def fetch(name: str) -> None:
    """Load the source of this name that an installed package offers, unless it is there. SaddleError if it is none."""
    if name in _house() or name in _modules() or name not in guests.offered(KIND):
        return
    found = guests.fetch(KIND, name)
    if not (isinstance(found, ModuleType) and name in _ways(found)):
        package = guests.package(guests.offered(KIND)[name])
        raise SaddleError(
            f"the package {package} offers a source '{name}', and what it holds is no module with a function open "
            f"and a docstring that begins with '{name}: what it is'; mend or remove the package"
        )
    guests.plug(found)


def check_plugged(module: ModuleType) -> None:
    """UsageError for a source in a plugin that has the name of one of the house."""
    if taken := _ways(module) & _house():
        raise UsageError(
            f"{module.__name__} has a source '{min(taken)}', and that is one of Saddle's; give it another name"
        )


def _modules() -> dict[str, ModuleType]:
    return {name: module for module in guests.plugged().values() for name in _ways(module) - _house()}


def _ways(module: ModuleType) -> set[str]:
    return {name.partition(":")[0] for name in _names(module)}


def _names(module: ModuleType) -> dict[str, str]:
    """The names of a plugin's source; empty if it has none."""
    named = named_in(inspect.getdoc(module) or "") if inspect.isfunction(vars(module).get("open")) else {}
    return {name: says for name, says in named.items() if says and re.fullmatch(r"[a-z][a-z0-9-]*(:\S+)?", name)}


def _house() -> set[str]:
    folders = import_module("saddle.data.sources").__path__
    return {file.stem.replace("_", "-") for folder in folders for file in Path(folder).glob("[a-z]*.py")}
