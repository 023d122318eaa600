"""Settings as plain values and back: frozen dataclasses ↔ numbers, text, lists and dictionaries.

One engine serves the command line, recipe files and Python, so a name and a value mean the same in all three. A class
is chosen by its short name among those that are already known: nothing is ever imported on the word of a file.
"""

import math
import re
from abc import ABCMeta
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields, is_dataclass, replace
from numbers import Integral, Real
from types import NoneType
from typing import Any, Literal, TypeVar, get_args, get_origin

from .errors import UsageError, near
from .kinds import MOST_SHOWN, brief, choices, chosen, possible, short, slot, text, wants
from .plain import Garbled, fits, from_yaml
from .ranges import Range, arms, hints, marks, own_range, range_of, unmarked
from .remarks import meanings

T = TypeVar("T")
_TRUTH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_LONG = "is a whole number of at most 64 bits, and {} has more"


@dataclass(frozen=True)
class Like:
    """In the `Annotated` type of a setting: where it is none, the setting `name`, which comes before it, stands in."""

    name: str


@dataclass(frozen=True)
class Before:
    """In the `Annotated` type of a setting: the value of runs that were begun before there was such a setting."""

    value: Any


class OutOfRange(UsageError):
    """A setting of a value that its type has no place for; the message begins with the setting's own name."""


class Settings:
    """The base of every dataclass of settings: whenever one is built, each of them is of its type and in its range.

    Numbers of other libraries become Python's, and lists become tuples, so that a file holds what a setting is.
    A subclass that checks more, such as two settings against each other, begins its `__post_init__` with this one.
    """

    def __post_init__(self) -> None:
        """OutOfRange for a value that cannot be."""
        for name, hint in hints(type(self)).items():  # type: ignore[arg-type]
            value = getattr(self, name)
            if wrong := _misfit(hint, value, name):
                raise OutOfRange(wrong)
            object.__setattr__(self, name, _pure(value))


_of_a_run: ContextVar[bool] = ContextVar("settings of a run", default=False)


@contextmanager
def of_a_run() -> Iterator[None]:
    """Inside, settings are those that a run wrote, which are all that there were: what is missing came after it."""
    token = _of_a_run.set(True)
    try:
        yield
    finally:
        _of_a_run.reset(token)


def plain(value: Any) -> Any:
    """`value` as YAML and JSON hold it: one of several classes is {"class": "R1", "weight": 5.0, …} or a bare name."""
    if isinstance(value, (tuple, list)):
        return [plain(each) for each in value]
    if not is_dataclass(value):
        return value
    values = {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if not isinstance(type(value), ABCMeta):
        return values
    name = type(value).__name__
    return {"class": name} | values if values else name


def restore(hint: Any, given: Any, where: str = "", base: Any = None) -> Any:
    """The value of type `hint` that `given` describes: plain values, the text of them, or such a value itself.

    What a dictionary leaves out is taken from `base` if that is of the same class, else from the class's defaults. Of a
    setting that is none it is taken from the one that stands in for it (`Like`), unless the dictionary names a class.
    UsageError, with the dotted name `where`, for an unknown name, a wrong type and a value out of range.
    """
    if _is_none(given) and NoneType in arms(hint):
        return None
    if part := slot(hint):
        return _fill(part, given, where, base or ())
    for arm in map(unmarked, arms(hint)):
        if is_dataclass(arm):
            if isinstance(given, arm):  # type: ignore[arg-type]
                return given
            if isinstance(given, Mapping) or (isinstance(given, str) and isinstance(arm, ABCMeta)):
                return _compose(arm, given, where, base)  # type: ignore[arg-type]
        try:
            return _convert(arm, given, where)
        except (ValueError, TypeError, OverflowError, Garbled):
            continue
    raise UsageError(f"{where} wants {wants(hint)}, not {brief(given)}")


def change(settings: T, edits: Mapping[str, Any]) -> T:
    """A copy of a dataclass with dotted names set: {"penalty": "R1", "penalty.weight": 5}. UsageError as `restore`."""
    return restore(type(settings), nest(edits), base=settings)


def nest(edits: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted names as nested dictionaries; a name that is set and has parts is the class of the parts."""
    tree: dict[str, Any] = {}
    for name in sorted(edits, key=lambda name: name.count(".")):
        *path, last = name.split(".")
        branch = tree
        for part in path:
            held = branch.get(part, {})
            branch[part] = dict(held) if isinstance(held, Mapping) else plain(held)
            if not isinstance(branch[part], dict):
                branch[part] = {"class": branch[part]}
            branch = branch[part]
        branch[last] = edits[name]
    return tree


def flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Plain settings by dotted name: {"penalty": "R1", "penalty.weight": 5.0, …}."""
    if not isinstance(value, Mapping):
        return _flat_row(value, prefix) if _is_row(value) else {prefix: value}
    lines = {prefix: value["class"]} if "class" in value else {}
    for name, part in value.items():
        if name != "class":
            lines |= flat(part, f"{prefix}.{name}" if prefix else name)
    return lines


def _is_row(value: Any) -> bool:
    """Is this the result of `plain` for a tuple of classes that have settings?"""
    parts = [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []
    return bool(parts) and all("class" in part for part in parts)


def _flat_row(row: list[Any], prefix: str) -> dict[str, Any]:
    """{"penalties": "[R1, R2]", "penalties.R1.weight": 5.0, …}."""
    each = [part if isinstance(part, Mapping) else {"class": part} for part in row]
    lines = {prefix: [part["class"] for part in each]}
    for part in each:
        name = f"{prefix}.{part['class']}"
        lines |= {key: value for key, value in flat(part, name).items() if key != name}
    return lines


def differences(here: Any, there: Any) -> list[str]:
    """'penalty is R1, there none' for every setting that differs between two dataclasses or plain values."""
    ours, theirs = flat(plain(here)), flat(plain(there))
    lines: dict[str, str] = {}
    for name in ours | theirs:
        below = any(name.startswith(f"{other}.") for other in lines)  # parts of another class are no news
        if ours.get(name) != theirs.get(name) and not below:
            lines[name] = f"{name} is {text(ours.get(name))}, there {text(theirs.get(name))}"
    return list(lines.values())


@dataclass(frozen=True)
class Setting:
    """One setting, for people to read about."""

    value: Any  # plain
    default: Any  # of the class that has it, plain
    meaning: str
    wants: str  # its type in words
    range: Range | None  # in which it lies, or each of its numbers; None: in none, or in one of several


def explain(settings: Any, prefix: str = "") -> dict[str, Setting]:
    """Every setting of a dataclass and of the dataclasses in it, by dotted name."""
    explained: dict[str, Setting] = {}
    types, remarks = hints(type(settings)), meanings(type(settings))  # type: ignore[arg-type]
    for field in fields(settings):
        name = f"{prefix}.{field.name}" if prefix else field.name
        value = getattr(settings, field.name)
        inner = is_dataclass(value)
        if not inner or isinstance(type(value), ABCMeta):
            shown, default = map(_name, (value, field.default))
            meaning = re.sub(r"\bNone\b", "none", remarks[field.name])  # as one writes it
            explained[name] = Setting(shown, default, meaning, wants(types[field.name]), range_of(types[field.name]))
        explained |= explain(value, name) if inner else {}
        if slot(types[field.name]):
            for each in value:
                explained |= explain(each, f"{name}.{type(each).__name__}")
    return explained


def _name(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_name(each) for each in value]
    return type(value).__name__ if is_dataclass(value) else plain(value)


def _fill(part: Any, given: Any, where: str, base: tuple[Any, ...]) -> tuple[Any, ...]:
    """A tuple of dataclasses from their names, or dictionaries; {"R1": {"weight": 5}} changes the one of that class."""
    edits = dict(given) if isinstance(given, Mapping) else {"class": given}
    named = _named(part, edits.pop("class", list(base)), where)
    held = {type(each).__name__: each for each in base}
    made = []
    for i, each in enumerate(named):
        name = each.get("class") if isinstance(each, Mapping) else each
        if not isinstance(each, (str, Mapping, part)):
            raise UsageError(f"{where} wants {wants(tuple[part, ...])}, not {brief(each)}")
        made.append(restore(part, each, f"{where}[{i}]", held.get(name) if isinstance(name, str) else None))
    if twice := [name for name, n in Counter(type(each).__name__ for each in made).items() if n > 1]:
        raise UsageError(f"{where} holds {twice[0]} twice; each of {', '.join(possible(part))} can be there once")
    for name, edit in ((str(name), edit) for name, edit in edits.items()):
        places = [i for i, each in enumerate(made) if type(each).__name__ == name]
        if not places:
            there = ", ".join(type(each).__name__ for each in made) or "none"
            unknown = "" if name in possible(part) else near(name, possible(part))
            raise UsageError(f"{where} holds no '{name}'{unknown} whose settings could change: it is {there}")
        for i in places:
            made[i] = restore(part, edit, f"{where}.{name}", made[i])
    return tuple(made)


def _named(part: Any, named: Any, where: str) -> Any:
    """The list of the parts of a slot that somebody wrote: none, one or a row of them."""
    if _is_none(named):
        return []
    if isinstance(named, str):
        try:
            named = _items(named)
        except Garbled as error:
            raise UsageError(f"{where} wants {wants(tuple[part, ...])}, not {brief(named)}: {error}") from None
    return named if isinstance(named, (list, tuple)) else [named]


def _is_none(given: Any) -> bool:
    return given is None or (isinstance(given, str) and given.lower() in ("none", "null"))


def _compose(hint: type, given: str | Mapping[str, Any], where: str, base: Any) -> Any:
    """A dataclass from its class's name, or from a dictionary of its settings."""
    given = dict(given) if isinstance(given, Mapping) else {"class": given}
    kind = _class(hint, given, where, base) if isinstance(hint, ABCMeta) else hint
    start: Any = base if type(base) is kind else kind()
    types = hints(kind)
    names = list(types)
    for name in given:
        if name not in names:
            raise UsageError(_unknown(hint, kind, str(name), where))
    values: dict[str, Any] = {}
    for name in sorted(given, key=names.index):
        held = getattr(start, name)
        if held is None and isinstance(given[name], Mapping) and "class" not in given[name]:
            like = _mark(kind, name, Like)
            held = values.get(like.name, getattr(start, like.name)) if like else None
        values[name] = restore(types[name], given[name], f"{where}.{name}" if where else name, held)
    if _of_a_run.get():
        values |= {n: mark.value for n in names if n not in given and (mark := _mark(kind, n, Before))}
    try:
        return replace(start, **values)
    except OutOfRange as error:
        raise UsageError(f"{where}.{error}" if where else str(error)) from None
    except UsageError as error:  # of values that do not go together, whose class knows its own part of the name
        raise UsageError(f"{where}: {error}" if "." in where else str(error)) from None


def _mark(kind: type, name: str, mark: type[T]) -> T | None:
    """The mark of this class in the `Annotated` type of a setting of a dataclass, if it has one."""
    return next((each for each in marks(hints(kind)[name]) if isinstance(each, mark)), None)


def _class(hint: type, given: dict[str, Any], where: str, base: Any) -> Any:
    """The class that the dictionary names and then no longer holds; without a name, that of `base`."""
    there = ", ".join(possible(hint))
    if "class" not in given:
        if is_dataclass(base):
            return type(base)
        setting = f" and has no setting '{next(iter(given))}'" if given else ""
        raise UsageError(f"{where} is none{setting}; also choose what {where} is: {there}")
    name = text(given.pop("class"))[:MOST_SHOWN]
    found = chosen(hint, name)
    if found is None:
        close = near(name, possible(hint))
        what = re.sub(".*(?=[A-Z])", "", hint.__name__).lower()  # the loss of AdversarialLoss
        raise UsageError(f"{where}: no {what} {brief(name)}{close}; there are {there}")
    return found


def _unknown(hint: type, kind: type, name: str, where: str) -> str:
    names = [field.name for field in fields(kind)]
    owners = [other for other, each in choices(hint).items() if name in {field.name for field in fields(each)}]
    whose = f" of {kind.__name__}" if isinstance(hint, ABCMeta) else ""
    help_ = f" ({', '.join(owners)} would have it)" if owners else near(name, names)
    dotted = f"{where}.{name}" if where else name
    return f"no setting '{dotted}'{whose}{help_}; there are {', '.join(names) or 'none'}"


def _misfit(hint: Any, value: Any, where: str) -> str:
    """What is wrong with a value of such a type, in a sentence that begins with the setting's name; '' if nothing is.

    Of a row it is the first part that is wrong.
    """
    if kinds := [arm for arm in arms(hint) if _counts(unmarked(arm), value)]:
        ranges = [own_range(arm) or Range() for arm in kinds]
        if any(each.holds(value) for each in ranges):
            only_whole = {*map(unmarked, kinds)} == {int}
            return f"{where} {_LONG.format(brief(value))}" if only_whole and _too_long(value) else ""
        otherwise = " or none" if NoneType in arms(hint) else ""
        return f"{where} is {' or '.join(each.told(value) for each in ranges)}{otherwise}, not {short(value)}"
    for arm in map(unmarked, arms(hint)):
        if get_origin(arm) is tuple and (pairs := _paired(get_args(arm), value)) is not None:
            wrong = (_misfit(part, each, f"{where}[{i}]") for i, (part, each) in enumerate(pairs))
            return next(filter(None, wrong), "")
        if arm not in (int, float) and get_origin(arm) is not tuple and fits(value, arm):
            return ""
    return f"{where} wants {wants(hint)}, not {brief(value)}"


def _pure(value: Any) -> Any:
    """The same value of Python's own types: int for NumPy's, float for a fraction, a tuple for a list."""
    if isinstance(value, (list, tuple)):
        return tuple(map(_pure, value))
    if isinstance(value, (bool, str)) or not isinstance(value, Real):
        return value
    return int(value) if isinstance(value, Integral) and not _too_long(value) else float(value)


def _too_long(number: Any) -> bool:
    """Has a whole number more bits than a recipe holds?"""
    return bool(abs(int(number)) >> 64)


def _counts(kind: Any, value: Any) -> bool:
    """Is the value a number of this kind, int or float?"""
    numbers = {int: Integral, float: Real}.get(kind)
    return numbers is not None and isinstance(value, numbers) and not isinstance(value, bool)


def _convert(hint: Any, given: Any, where: str) -> Any:
    """ValueError or TypeError unless `given` is, or is the text of, a value of a type that is not a dataclass."""
    if get_origin(hint) is tuple:
        return _row(get_args(hint), given, where)
    if get_origin(hint) is Literal:
        named = {text(each): each for each in get_args(hint)}
        return named[text(given)] if text(given) in named else _refuse()
    if hint is bool:
        given = _TRUTH.get(given.lower()) if isinstance(given, str) else given
        return given if isinstance(given, bool) else _refuse()
    if hint is str:
        return given if isinstance(given, str) else _refuse()
    number = _number(hint, given) if isinstance(given, (Real, str)) and not isinstance(given, bool) else _refuse()
    if isinstance(number, int) and _too_long(number):
        raise UsageError(f"{where} {_LONG.format(brief(given))}")
    return number


def _number(hint: type, given: Any) -> int | float:
    exact = hint is int and (isinstance(given, int) or (isinstance(given, str) and given.isdecimal()))
    number = int(given) if exact else float(given)
    if hint not in (int, float) or not math.isfinite(number) or (hint is int and not float(number).is_integer()):
        _refuse()
    return hint(number)


def _row(kinds: tuple[Any, ...], given: Any, where: str) -> tuple[Any, ...]:
    pairs = _paired(kinds, _items(given) if isinstance(given, str) else given)
    if pairs is None:
        return _refuse()
    return tuple(restore(kind, each, f"{where}[{i}]") for i, (kind, each) in enumerate(pairs))


def _paired(kinds: tuple[Any, ...], given: Any) -> list[tuple[Any, Any]] | None:
    """Each part of a row with its type, of those of tuple[float, float] or tuple[str, ...]; None if it is none such."""
    if not isinstance(given, (list, tuple)):
        return None
    kinds = kinds[:1] * len(given) if Ellipsis in kinds else kinds
    return list(zip(kinds, given, strict=True)) if len(kinds) == len(given) else None


def _items(row: str) -> Any:
    """'1, 2', '[1, 2]' or, of sizes, '1x2' as a list."""
    row = re.sub(r"^\s*(\d+)\s*[x×]\s*(\d+)\s*$", r"\1, \2", row)
    return from_yaml(row if row.lstrip().startswith("[") else f"[{row}]")


def _refuse() -> Any:
    raise ValueError
