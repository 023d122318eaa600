"""What a log and a file of scores say, field by field: what is not of its kind counts as not said.

A run folder may come from anywhere, or have been damaged on its way: all that the report and the doctor read passes
through here.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from .events import Event
from .plain import is_number

LONGEST = 5000  # characters of a text
LARGEST = 2**63

Check = Callable[[Any], Any]  # the value, or ValueError


def number(value: Any) -> float:
    """One that a float can be, finite or not."""
    if not is_number(value) or (isinstance(value, int) and abs(value) > LARGEST):
        raise ValueError
    return value


def finite(value: Any) -> float:
    if not math.isfinite(number(value)):
        raise ValueError
    return value


def count(value: Any) -> int:
    if not 0 <= finite(value) <= LARGEST:
        raise ValueError
    return int(value)


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value[:LONGEST]


def plain(value: Any) -> Any:
    """A setting: text, a number, true, false, null, or a row of these."""
    if isinstance(value, list):
        return [plain(each) for each in value if not isinstance(each, list)]
    if not (value is None or isinstance(value, str | bool)):
        number(value)
    return value


def row(of: Check) -> Check:
    def check(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise ValueError
        return list(_kept(enumerate(value), of).values())

    return check


def names(of: Check) -> Check:
    def check(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise ValueError
        return _kept(((str(name), each) for name, each in value.items()), of)

    return check


def fields(kinds: Mapping[str, Check]) -> Check:
    """Those of a dictionary that are known and of their kind."""

    def check(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise ValueError
        found: dict[str, Any] = {}
        for name, of in kinds.items():
            found |= _kept([(name, value[name])] if name in value else [], of)
        return found

    return check


def _kept(pairs: Any, of: Check) -> dict[Any, Any]:
    found = {}
    for name, value in pairs:
        try:
            found[name] = of(value)
        except ValueError:
            continue
    return found


SCORE: dict[str, Check] = {
    "name": text,
    "value": number,
    "uncertainty": number,
    "better": text,
    "fingerprint": names(plain),
    "seconds_to": names(lambda value: None if value is None else finite(value)),
    "round": count,
    "beside": names(number),
    "ways": names(names(number)),
    "note": text,
    "caveat": text,
}
EVENT: dict[str, Check] = {
    **dict.fromkeys(("time", "seconds", "waited"), finite),
    **dict.fromkeys(("round", "rounds", "images", "processes", "checkpoint", "samples", "looked"), count),
    **dict.fromkeys(("game", "data", "paper", "device", "precision", "version", "judgement", "began_with"), text),
    **dict.fromkeys(("reason", "message", "file", "extractor", "unseen"), text),
    **dict.fromkeys(("losses", "notes", "signs"), names(number)),
    "images_per_second": number,
    "parameters": names(count),
    "baseline": names(plain),
    "paper_settings": names(plain),
    "meanings": names(text),
    "commands": row(text),
    "scorable": row(text),
    "plugins": row(text),
    "rates": names(finite),
    "settings": names(row(plain)),
    "scores": names(fields(SCORE)),
    "near": names(finite),
    "mirrored": lambda value: value is True,
}
OF: dict[str, Check] = {"sample": text, "beside": count}  # the field `of`: the kind of samples, or how many there are


def event(given: Event) -> Event:
    """An event, with what is of its kind."""
    kind = given["event"]
    return {"event": kind} | fields(EVENT | {"of": OF.get(kind, text)})(given)


def scores(given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Final scores, each with its name."""
    return [score for score in map(fields(SCORE), given) if "name" in score]
