"""What can stand where a type is asked for, of the house and of guests; types and values in words."""

import inspect
from abc import ABCMeta
from dataclasses import fields, is_dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint
from pkgutil import iter_modules
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from . import guests
from .errors import SaddleError
from .ranges import arms, own_range, unmarked

MOST_SHOWN = 80  # characters of what somebody wrote, in a message
_WORDS = {int: "whole number", float: "number", bool: "true or false", str: "text", NoneType: "none"}
GROUPS = {  # of entry points, by the class whose kinds they hold: saddle.losses, …
    "AdversarialLoss": "losses",
    "Auxiliary": "auxiliaries",
    "JointNetwork": "joint_networks",
    "Likelihood": "likelihoods",
    "Network": "networks",
    "Optim": "optimizers",
    "Penalty": "penalties",
    "Perceptual": "perceptual",
    "Schedule": "schedules",
    "TextEncoder": "text_encoders",
    "View": "views",
}


def choices(base: type) -> dict[str, type]:
    """The classes that can stand for a base class, by their short names: those that are known by now."""
    package = base.__module__.rpartition(".")[0]
    if inspect.isabstract(base) and package.startswith("saddle."):  # one class a file: all files are read
        _import_all(package, *import_module(package).__path__)
    kinds: dict[str, type] = {}
    waiting = [base]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__() if isinstance(base, ABCMeta) else []
        if inspect.isabstract(kind):
            continue
        other = kinds.get(kind.__name__, kind)
        if kind.__module__ != other.__module__:
            raise SaddleError(f"{kind.__module__} and {other.__module__} both define {kind.__name__}; rename one")
        kinds[kind.__name__] = kind  # a class that was defined again, as in a notebook, replaces the first
    return dict(sorted(kinds.items()))


@cache
def _import_all(package: str, *folders: str) -> None:
    """The modules of a package that lie in some folders, once: settings ask for their choices again and again."""
    for module in iter_modules(folders, f"{package}."):
        import_module(module.name)


def possible(base: type) -> list[str]:
    """The short names of `choices`, and of those that installed packages offer; none of these is loaded."""
    return sorted({*choices(base), *_offered(base)})


def chosen(base: type, name: str) -> type | None:
    """The class of this name that can stand for a base class; None if there is none.

    One of an installed package is loaded now. SaddleError where that is not what the package says.
    """
    offered = _offered(base)
    if name not in choices(base) and name in offered:
        found = guests.fetch(GROUPS[base.__name__], name)
        if choices(base).get(name) is not found:
            raise SaddleError(
                f"the package {guests.package(offered[name])} offers '{name}', and what it holds is no "
                f"{base.__name__} of that name; mend or remove the package"
            )
    return choices(base).get(name)


def _offered(base: type) -> dict[str, EntryPoint]:
    """What installed packages offer of this kind."""
    ours = base.__name__ in GROUPS and not guests.is_guest(base)
    return guests.offered(GROUPS[base.__name__]) if ours else {}


def wants(hint: Any) -> str:
    """A type in words: 'a whole number', 'one of R1, R2 or none'."""
    return " or ".join(map(_words, arms(hint)))


def text(value: Any) -> str:
    """A plain value as one would write it on the command line."""
    if value is None or isinstance(value, bool):
        return {None: "none", True: "true", False: "false"}[value]
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(text, value))}]"
    try:
        return str(value)
    except ValueError:  # Python writes no number of thousands of digits
        return "a number of thousands of digits"


def brief(given: Any) -> str:
    """What somebody wrote, in quotes, in a message: no more of it than the eye takes in."""
    return repr(short(given))


def short(given: Any) -> str:
    """The same without quotes, for numbers."""
    said = text(given)
    return said if len(said) <= MOST_SHOWN else f"{said[:MOST_SHOWN]}…"


def slot(hint: Any) -> Any:
    """The class whose kinds a setting holds any number of: that of tuple[Penalty, ...]; None for other settings."""
    kinds = get_args(hint := unmarked(hint))
    fits = get_origin(hint) is tuple and kinds[1:] == (Ellipsis,) and isinstance(kinds[0], ABCMeta)
    return kinds[0] if fits else None


def _words(arm: Any) -> str:
    hint = unmarked(arm)
    if isinstance(hint, ABCMeta):
        return f"one of {', '.join(possible(hint))}"
    if is_dataclass(hint):
        return f"settings by name: {', '.join(field.name for field in fields(hint))}"
    if get_origin(hint) is Literal:
        return f"one of {', '.join(map(text, get_args(hint)))}"
    if part := slot(hint):
        return f"none or a list of {', '.join(possible(part))}"
    if get_origin(hint) is tuple:
        kinds = [part for part in get_args(hint) if part is not Ellipsis]
        count = "" if Ellipsis in get_args(hint) else f"{len(kinds)} "
        return f"a list of {count}{_WORDS.get(unmarked(kinds[0]), 'setting')}s{_bounds(kinds[0])}"
    word = _WORDS.get(hint, str(hint))
    return f"a {word}{_bounds(arm)}" if hint in (int, float) else word


def _bounds(arm: Any) -> str:
    """' of at least 1', ' from 0 to 1', ', even and at least 2', as they follow what a number is; '' if it has none."""
    said = str(own_range(arm) or "")
    joint = {"at": " of ", "even": ", ", "a": ", ", "": ""}.get(said.partition(" ")[0], " ")
    return joint + said
