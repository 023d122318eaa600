"""What a run is, how far it got, and how good it is.

saddle info runs/dcgan-digits
saddle info runs/dcgan-digits --json
"""

from argparse import ArgumentParser, Namespace
from typing import Any

from ..show import scores
from . import _open
from ._show import json, table

SETTINGS = _open.SETTINGS
NAMES = {  # that people read; programs have the others
    "kind": "uses",
    "round": "checkpoint of round",
    "rounds": "of rounds",
    "images": "images until it",
    "seconds": "seconds until it",
    "seconds_to": "seconds to",
}


def arguments(parser: ArgumentParser) -> None:
    _open.arguments(parser)
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: Namespace) -> None:
    facts = _open.opened(args).info()
    if args.json:
        json(facts)
    else:
        table(
            ["", str(args.run)],
            (line for name, value in facts.items() if told(name, value) for line in _lines(name, value)),
        )


def told(name: str, value: Any) -> bool:
    """Is it news? What was not measured is none."""
    if name == "seconds_to":
        return any(seconds is not None for seconds in value.values())
    return name != "best" or value is not None


def _lines(name: str, value: Any) -> list[tuple[str, str]]:
    """One for each fact, and one for each score."""
    title = NAMES.get(name, name)
    if name == "scores" and value:
        return [("" if i else title, scores.told(score)) for i, score in enumerate(value)]
    return [(title, _in_words(name, value))]


def _in_words(name: str, value: Any) -> str:
    if name == "scores":
        return "none yet"
    if name == "seconds_to":
        return ", ".join(f"{k} floors {s:,.0f}" for k, s in value.items() if s is not None)
    if isinstance(value, dict):
        return ", ".join(f"{key} {count:,}" for key, count in value.items())
    if name == "shape":
        return "×".join(map(str, value))
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:,.0f}" if isinstance(value, (int, float)) else str(value or "none")
