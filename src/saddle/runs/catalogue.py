"""The games as somebody looks for one: by what they are for, each in one sentence.

Everything is read from the files of the games, so that listing them imports none of them, and no torch.
"""

from __future__ import annotations

import ast
from typing import Any, NamedTuple

from ..base.errors import UsageError
from ..base.files import parsed
from .registry import guest_names, names, source, summary

GROUPS = {  # what `group` of a game may be, in the order of a list; what a person wants who looks for a game there
    "draw": "Draw new samples",
    "ask": "Draw the class that you ask for",
    "text": "Draw what a text says",
    "paired": "Translate images, learned from pairs",
    "unpaired": "Translate images, learned without pairs",
    "restore": "Enlarge and restore images",
    "detect": "Find what is unusual",
    "classify": "Classify with few labels",
    "encode": "Turn images into numbers, and back",
    "one": "Learn from a single image",
    "": "Other games",  # of games that say no group
}


class Entry(NamedTuple):
    """What a list says of a game."""

    name: str
    in_short: str  # one sentence; the paper's line, of a game that has none
    group: str  # a key of GROUPS
    start_here: bool  # of its group, the game to begin with
    paper: str  # title, authors, year and address


def entry(name: str) -> Entry:
    """What a list says of the game. UsageError for a name that is none."""
    said, paper = _said(name), summary(name)
    group = said.get("group", "")
    known = group if group in GROUPS else ""
    return Entry(name, said.get("in_short") or paper, known, said.get("start_here", False), paper)


def grouped() -> dict[str, list[Entry]]:
    """All games by the title of their group; of a group the game to begin with first, then by the alphabet."""
    entries = sorted(map(entry, names()), key=lambda each: (not each.start_here, each.name))
    titled = {title: [each for each in entries if each.group == group] for group, title in GROUPS.items()}
    return {title: members for title, members in titled.items() if members}


def guests() -> list[Entry]:
    """Games of others that are plugged in or installed, by their paper's line."""
    return [Entry(name, line, "", False, line) for name in guest_names() for line in [_line(name)]]


def _line(name: str) -> str:
    """The paper's line of a guest; of a name that two classes have, that it is so."""
    try:
        return summary(name)
    except UsageError as error:
        return str(error)


def _said(name: str) -> dict[str, Any]:
    """The plain values that the classes of the game's file give their attributes."""
    classes = [node for node in parsed(source(name)).body if isinstance(node, ast.ClassDef)]
    return {
        target.id: statement.value.value
        for statement in (statement for node in classes for statement in node.body)
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
