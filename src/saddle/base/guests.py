"""Guests: games, losses, networks, sources, metrics and the like in modules of other people, beside those of the house.

Three things make one known, and none of them is a file's word: Python code that imports its module, `plug`, which the
command line does for `--plugin MODULE`, and the entry point of an installed package. Of entry points the names alone
are read; a guest is loaded when its name is used.
"""

import json
import os
import re
import sys
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from .errors import SaddleError, UsageError
from .files import quoted

HOUSE = __package__.partition(".")[0]
_plugged: dict[str, ModuleType] = {}  # by name


def plug(module: ModuleType) -> None:
    """Make known what a module defines beside classes, which are known by being there: sources and metrics."""
    _plugged[module.__name__] = module


def plugged() -> Mapping[str, ModuleType]:
    """The modules that were plugged in, by name, in that order."""
    return _plugged


def is_guest(kind: object) -> bool:
    """Is this class, function or module from outside of the house?"""
    return not f"{getattr(kind, '__module__', None) or getattr(kind, '__name__', '')}.".startswith(f"{HOUSE}.")


def offered(kind: str) -> dict[str, EntryPoint]:
    """What installed packages offer of a kind, such as games, by name; nothing is imported."""
    return _offered(f"{HOUSE}.{kind}", tuple(sys.path))


def package(point: EntryPoint) -> str:
    """Who offers it: the name and the version of the package."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.module


def fetch(kind: str, name: str) -> Any:
    """What an installed package offers by this name, imported now. SaddleError where that fails."""
    point = offered(kind)[name]
    try:
        return point.load()
    except (Exception, SystemExit) as error:
        raise SaddleError(
            f"the package {package(point)} offers '{name}' for {point.group}, and it cannot be loaded: "
            f"{type(error).__name__}: {error}; mend or remove the package"
        ) from error


def home(kind: object) -> str:
    """The name of the module that defines this class or function, as `--plugin` takes it."""
    name = str(getattr(kind, "__module__", None) or getattr(kind, "__name__", ""))
    if name != "__main__":
        return name
    main = sys.modules[name]
    spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    return spec.name if spec else Path(file).name if file else name


def missing(modules: Iterable[str]) -> list[str]:
    """Those of these modules, named as `home` does, that nobody has imported."""
    main = Path(getattr(sys.modules["__main__"], "__file__", None) or "").name
    return [m for m in modules if m.removesuffix(".py") not in sys.modules and m != main]


def advice(modules: Iterable[str], files: Mapping[str, str]) -> str:
    """What to do about modules that are missing, in words; `files` says where those lay that are files."""
    names = list(modules)
    if "__main__" in names:
        return "it was defined in a notebook or at the prompt: run that again first"
    plugins = [files[name] if Path(files.get(name, "")).is_file() else name for name in names]
    calls = " and ".join(f"saddle.plugin({json.dumps(plugin)})" for plugin in plugins)
    return f"add{options(plugins)} (in Python: {calls})"


def options(plugins: Iterable[str]) -> str:
    """What a command needs to plug these in, each after a space; what a notebook defined, no command can have."""
    return "".join(f" --plugin {quoted(Path(plugin))}" for plugin in plugins if plugin != "__main__")


def elsewhere(modules: Iterable[str]) -> list[str]:
    """What another process, with the same sys.path, plugs in for these modules, named as `home` does.

    UsageError for what was defined in a notebook or at the prompt, where no other process finds it.
    """
    names = list(modules)
    if "__main__" in names:
        raise UsageError(
            "a fresh process compares the file with the run, and cannot find a class that was defined in a notebook or "
            "at the prompt; move it to a module, or choose --to pt2 or onnx"
        )
    main = os.path.abspath(getattr(sys.modules["__main__"], "__file__", None) or "")
    return [main if name == Path(main).name else name for name in names]


@lru_cache(maxsize=64)
def _offered(group: str, path: tuple[str, ...]) -> dict[str, EntryPoint]:
    """By name, for this `sys.path`. SaddleError for a name that two packages offer."""
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=group):
        other = found.setdefault(point.name, point)
        if other.value != point.value:
            raise SaddleError(
                f"the packages {package(other)} and {package(point)} both offer '{point.name}' for {group}; "
                "uninstall one of them"
            )
    return found


_given: dict[str, str] = {}  # of modules that were plugged in: the name, or the path of a file, that was given
_where: dict[str, Path] = {}  # and the folder in which they were looked for beside the installed ones


def imported(name: str) -> ModuleType:
    """The module of this name, or in the file of this path, which ends with .py.

    UsageError for a module that is not there, SaddleError for one that fails while it is imported.
    """
    path = Path(name)
    is_file = name.endswith(".py")
    module = path.stem if is_file else name
    if is_file and not path.is_file():
        raise UsageError(f"there is no file {name} to plug in")
    if not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*", module):
        raise UsageError(
            f"'{name}' is no name of a module; a plugin is one such as my_gan, my_package.gan or my_gan.py"
        )
    where = str(path.resolve().parent if is_file else Path.cwd())
    if where not in sys.path:
        sys.path.append(where)  # last: nothing there stands in for a module that is installed
    try:
        found = import_module(module)
    except ModuleNotFoundError as error:
        if error.name and f"{module}.".startswith(f"{error.name}."):
            raise UsageError(
                f"no module '{name}' to plug in; give the name of an installed module, or of one in this folder, or a "
                "file that ends with .py"
            ) from None
        raise _failed(name, error) from error
    except (Exception, SystemExit) as error:
        raise _failed(name, error) from error
    if is_file and Path(found.__file__ or "").resolve() != path.resolve():
        raise UsageError(f"{name} cannot be plugged in: another module is called {module}; rename the file")
    _given[module] = name
    _where[module] = Path(where).resolve()
    return found


def plugged_as(module: str) -> str:
    """What --plugin takes for a module: the path of the file as it was plugged in, else the module's name."""
    return _given.get(module, module)


def files_of(modules: Iterable[str]) -> dict[str, str]:
    """By module, named as `home` does, the absolute path of its file: of what was plugged in as one, or is the program.

    A module that its name finds from everywhere is left out.
    """
    main = os.path.abspath(getattr(sys.modules["__main__"], "__file__", None) or "")
    files = {name: Path(sys.modules[name].__file__ or "").resolve() for name in _where}
    known = {name: str(file) for name, file in files.items() if file.parent == _where[name]} | {Path(main).name: main}
    return {name: known[name] for name in modules if name in known}


def _failed(name: str, error: BaseException) -> SaddleError:
    return SaddleError(f"the plugin {name} fails while it is imported: {type(error).__name__}: {error}")
