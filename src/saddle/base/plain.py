"""The one reader of YAML and JSON: plain values, whoever wrote them, or a sentence that says what is wrong.

YAML here is text, numbers, true, false, null, lists, and dictionaries by text: no tags, no dates, and no key twice.
What refers to itself, is nested without end, or grows without end when it is written out, is refused; so is whatever is
not a regular file, for a pipe may never end.
"""

import json
import math
import stat
from collections.abc import Hashable, Mapping
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from types import UnionType
from typing import Any, ClassVar, Literal, TypeGuard, Union, get_args, get_origin

import yaml

from .errors import SaddleError

DEEP = 40  # levels of lists and dictionaries
MOST_YAML, MOST_JSON = 10_000, 10_000_000  # values, when all that is referred to is written out
LONGEST_YAML = 1 << 18  # characters: settings are a page, and this reader takes its time
TOO_DEEP = f"it is nested more than {DEEP} levels deep"
DIGITS = 20  # of a whole number: so many have those of 64 bits


class Garbled(SaddleError):
    """What is wrong with a text, in words that follow its name: 'recipe.yaml is not readable YAML: …'."""


def check_regular(path: Path) -> None:
    """FileNotFoundError if there is no such file; Garbled for a folder, a pipe or a device."""
    try:
        mode = path.stat().st_mode
    except NotADirectoryError as error:  # below a file there is none either
        raise FileNotFoundError(error.errno, error.strerror, str(path)) from None
    if not stat.S_ISREG(mode):
        raise Garbled("it is a folder" if stat.S_ISDIR(mode) else "it is not a regular file")


def text(path: Path) -> str:
    """What is in a file of UTF-8. FileNotFoundError if there is none; Garbled for anything else."""
    check_regular(path)
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Garbled(f"it is not text in UTF-8 (byte {error.start})") from None
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Garbled(f"it cannot be read ({error.strerror})") from None


def from_yaml(given: str) -> Any:
    """The plain values of a YAML text."""
    return deepcopy(_from_yaml(given))


@lru_cache(maxsize=16)  # a training reads its recipe many times, at about 10 ms each
def _from_yaml(given: str) -> Any:
    if len(given) > LONGEST_YAML:
        raise Garbled(f"it has {len(given):,} characters, and settings have at most {LONGEST_YAML:,}")
    try:
        value = yaml.load(given, _Loader)
    except yaml.reader.ReaderError as error:
        raise Garbled(f"it holds a character that is no text (number {error.position})") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Garbled((f"line {mark.line + 1}: " if mark else "") + (error.problem or "not understood")) from None
    except (ValueError, LookupError):  # of '!!int x'
        raise Garbled("a value is not of the kind that the tag before it says") from None
    return _bounded(value, MOST_YAML)


def from_json(given: str) -> Any:
    """The plain values of a JSON text; NaN, infinities and keys that stand twice are refused, for JSON has none."""
    try:
        value = json.loads(
            given, object_pairs_hook=_once, parse_int=_whole, parse_float=_finite, parse_constant=_no_constant
        )
    except json.JSONDecodeError as error:
        raise Garbled(f"line {error.lineno}, column {error.colno}" if given else "it is empty") from None
    except RecursionError:
        raise Garbled(TOO_DEEP) from None
    return _bounded(value, MOST_JSON)


class Count(int):
    """As a type for `fits`: a whole number from 0 on, of at most 63 bits."""


def is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def fits(value: Any, hint: Any) -> bool:
    """Is a plain value of a type, such as dict[str, float | None]? A whole number is a number too, and a list a tuple.

    Numbers may be infinite or none, as the log has them by name.
    """
    kind, parts = get_origin(hint), get_args(hint)
    if kind in (Union, UnionType):
        return any(fits(value, part) for part in parts)
    if kind is Literal:
        return isinstance(value, str | int) and value in parts
    if kind is dict:
        return isinstance(value, dict) and all(fits(each, parts[1]) for each in value.values())
    if kind in (list, tuple):
        rest = not parts or parts[1:] in ((), (...,))  # of any length
        each = parts[:1] * len(value) if isinstance(value, list | tuple) and rest else parts
        same = isinstance(value, list | tuple) and len(value) == len(each)
        return same and all(map(fits, value, each))
    if hint is Any:
        return True
    if hint in (int, float, Count):
        number = isinstance(value, int if hint is not float else int | float) and not isinstance(value, bool)
        return number and (hint is not Count or 0 <= value < 1 << 63)
    return isinstance(value, hint)


class _Loader(yaml.SafeLoader):
    """Of SafeLoader's values those that settings are made of."""

    yaml_constructors: ClassVar = {
        f"tag:yaml.org,2002:{kind}": yaml.SafeLoader.yaml_constructors[f"tag:yaml.org,2002:{kind}"]
        for kind in ("null", "bool", "float", "str", "seq")
    }

    depth = seen = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self.depth, self.seen = self.depth + 1, self.seen + 1
        if self.depth > DEEP or self.seen > 2 * MOST_YAML:  # here already, for this reader takes its time
            said = TOO_DEEP if self.depth > DEEP else f"it comes to more than {MOST_YAML:,} values"
            raise yaml.MarkedYAMLError(problem=said, problem_mark=self.peek_event().start_mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        if isinstance(node, yaml.MappingNode):
            self._check_keys(node)
        return super().construct_mapping(node, deep)

    def _check_keys(self, node: yaml.MappingNode) -> None:
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                raise _problem(key, "a name is text, and stands for itself alone; write out what is meant")
            if key.tag != "tag:yaml.org,2002:str":
                raise _problem(key, f"the name {key.value[:20]} is not text; put it in quotes")
            if key.value in lines:
                raise _problem(key, f"'{key.value}' stands twice, first in line {lines[key.value]}; keep one of them")
            lines[key.value] = key.start_mark.line + 1

    def whole(self, node: yaml.ScalarNode) -> int:
        if len(node.value) > DIGITS + 1:
            raise _problem(node, f"a whole number of {len(node.value)} digits is too large")
        return self.construct_yaml_int(node)

    def unknown(self, node: yaml.Node) -> Any:
        raise _problem(node, f"'{node.tag.replace('tag:yaml.org,2002:', '!!')}' is no kind of value here")


_Loader.yaml_implicit_resolvers = {  # a date is text
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.whole)
_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.construct_yaml_map)  # type: ignore[type-var]
_Loader.add_constructor(None, _Loader.unknown)


def _problem(node: yaml.Node, said: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=said, problem_mark=node.start_mark)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        raise Garbled(f"'{next(name for name in names if names.count(name) > 1)}' stands twice in one object")
    return value


def _whole(digits: str) -> int:
    if len(digits) > DIGITS + 1:
        raise Garbled(f"a whole number of {len(digits)} digits is too large")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _no_constant(digits)


def _no_constant(name: str) -> Any:
    raise Garbled(f"'{name[:20]}' is not a number of JSON")


def _bounded(value: Any, most: int) -> Any:
    """The value, if it is neither too deep nor too large when every reference in it is written out."""
    level, seen = [value] if isinstance(value, dict | list) else [], 0
    for _ in range(DEEP):
        if not level:
            return value
        parts = [each.values() if isinstance(each, Mapping) else each for each in level]
        seen += sum(map(len, parts))
        if seen > most:
            raise Garbled(f"it comes to more than {most:,} values")
        level = [each for part in parts for each in part if isinstance(each, dict | list)]
    if level:
        raise Garbled(f"{TOO_DEEP}, or refers to itself")
    return value
