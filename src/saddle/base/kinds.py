"""What can stand where a type is asked for; types and values in words, for messages, help and docs."""

import inspect
from abc import ABCMeta
from dataclasses import fields, is_dataclass
from importlib import import_module
from pkgutil import iter_modules
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from .errors import SaddleError
from .ranges import arms, own_range, unmarked

MOST_SHOWN = 80  # characters of what somebody wrote, in a message
_WORDS = {int: "whole number", float: "number", bool: "true or false", str: "text", NoneType: "none"}


def choices(base: type) -> dict[str, type]:
    """The classes that can stand for a base class, by their short names."""
    package = base.__module__.rpartition(".")[0]
    if inspect.isabstract(base) and package.startswith("saddle."):  # one class a file: all files are read
        for module in iter_modules(import_module(package).__path__, f"{package}."):
            import_module(module.name)
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
    said = text(given)
    return repr(said if len(said) <= MOST_SHOWN else f"{said[:MOST_SHOWN]}…")


def slot(hint: Any) -> Any:
    """The class whose kinds a setting holds any number of: that of tuple[Penalty, ...]; None for other settings."""
    kinds = get_args(hint := unmarked(hint))
    fits = get_origin(hint) is tuple and kinds[1:] == (Ellipsis,) and isinstance(kinds[0], ABCMeta)
    return kinds[0] if fits else None


def _words(arm: Any) -> str:
    hint = unmarked(arm)
    if isinstance(hint, ABCMeta):
        return f"one of {', '.join(choices(hint))}"
    if is_dataclass(hint):
        return f"settings by name: {', '.join(field.name for field in fields(hint))}"
    if get_origin(hint) is Literal:
        return f"one of {', '.join(map(text, get_args(hint)))}"
    if part := slot(hint):
        return f"none or a list of {', '.join(choices(part))}"
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
