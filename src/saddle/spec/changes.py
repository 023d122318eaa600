"""What a translation is asked to change of an image, read from what a user wrote; all else stays as it is."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..base.errors import UsageError, near, some
from . import conditions
from .field import Condition

Changes = str | int | Mapping[str, Any] | Sequence[float] | Tensor  # what a user writes for one image
ALL = "all"


def read(condition: Condition, asked: Changes) -> Tensor:
    """What an image is to show: a class int64 [], or columns float [K], NaN where it stays as it is.

    Labels are named with commas between, `blond,-male`: those that are to be on, and with a - those that are to be off.
    To name one of a group that exclude each other turns the others of it off. Numbers are written `age=0.7`. A class is
    its name or its number. Also a mapping from names to numbers, and numbers for all columns, NaN for what stays.
    UsageError for a name that there is not, for two names that exclude each other, and for one that is named twice.
    """
    if condition.kind in ("class", "text"):
        return conditions.read(condition, str(asked.item() if isinstance(asked, Tensor) else asked))
    if isinstance(asked, Mapping):
        named = [(name, _number(name, value)) for name, value in asked.items()]
    elif isinstance(asked, str):
        words = [word.strip() for word in asked.split(",") if word.strip()]
        if words and all(map(_is_number, words)) and not {*words} & {*condition.names}:
            return _whole([float(word) for word in words], condition)
        named = [_named(word, condition) for word in words]
    elif isinstance(asked, int | float):
        return _whole([float(asked)], condition)
    else:
        return _whole([float(value) for value in asked], condition)
    if not named:
        raise UsageError(f"nothing is asked for; {_how(condition)}")
    return _columns(named, condition)


def every(condition: Condition) -> Iterator[tuple[str, Changes]]:
    """Everything that can be asked for in turn: its name, and what `read` takes.

    Every class; every label on, and off too where no other one takes its place. UsageError for numbers.
    """
    if condition.kind not in ("class", "labels"):
        raise UsageError(f"'{ALL}' is for classes and labels, and numbers have no end; {_how(condition)}")
    grouped = {name for group in condition.groups for name in group}
    for i, name in enumerate(condition.names):
        yield name, i if condition.kind == "class" else {name: 1}
        if condition.kind == "labels" and name not in grouped:
            yield f"not {name}", {name: 0}


def _columns(named: Sequence[tuple[str, float]], condition: Condition) -> Tensor:
    values = dict.fromkeys(condition.names, math.nan)
    for name, value in named:
        if name not in values:
            raise UsageError(f"no label '{name}'{near(name, condition.names)}; {_how(condition)}")
        if not math.isnan(values[name]):
            raise UsageError(f"'{name}' is named twice; name it once")
        if condition.kind == "labels" and not 0 <= value <= 1:
            raise UsageError(f"'{name}' is 0, 1 or something between, not {value:g}")
        values[name] = value
    for group in condition.groups:
        _settle(values, group)
    return torch.tensor([*values.values()])


def _settle(values: dict[str, float], group: tuple[str, ...]) -> None:
    """An image has one of a group: the one that is asked for turns the others off, and so does the last one left.

    Where one is to be off and several are left, the game looks which of them it is.
    """
    on = [name for name in group if values[name] > 0]
    left = [name for name in group if math.isnan(values[name])]
    if len(on) > 1:
        raise UsageError(f"{' and '.join(on)} exclude each other; name one of {some(group)}")
    if not on and not left:
        raise UsageError(f"an image is one of {some(group)}; leave one of them, or name the one that it is to be")
    if not on and len(left) == 1 < len(group):
        on = left
        values[left[0]] = 1.0
    if on:
        values.update({name: 0.0 for name in group if name not in on})


def _named(word: str, condition: Condition) -> tuple[str, float]:
    """A word as a name and its value: blond, -male, age=0.7."""
    name, is_, value = word.rpartition("=")
    if word in condition.names and condition.kind == "labels":
        return word, 1.0
    if is_ and name in condition.names:
        return name, _number(name, value)
    if condition.kind == "numbers":
        if word in condition.names:
            raise UsageError(f"'{word}' is a number; {_how(condition)}")
        return name or word, math.nan
    return (word[1:], 0.0) if word.startswith("-") else (word.removeprefix("+"), 1.0)


def _whole(values: list[float], condition: Condition) -> Tensor:
    """Numbers for all columns."""
    if len(values) != len(condition.names):
        raise UsageError(f"{len(values)} numbers are given for {some(condition.names)}; give {len(condition.names)}")
    named = [(name, value) for name, value in zip(condition.names, values, strict=True) if not math.isnan(value)]
    if not named:
        return torch.tensor(values)
    return _columns(named, condition)


def _number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise UsageError(f"'{name}' is to be a number, not {value!r}")
    return number


def _how(condition: Condition) -> str:
    if condition.kind == "labels":
        first = condition.names[-1]
        return f"name what is to be on, or with a - off, such as -{first}; there are {some(condition.names)}"
    return f"write such as {condition.names[0]}=0.5; there are {some(condition.names)}"


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
