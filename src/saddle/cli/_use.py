"""Options of a command that the tasks define: what can be chosen when a trained game is used."""

import ast
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from ..base.files import parsed
from ..base.remarks import remarks

TASKS = Path(__file__).parents[1] / "tasks"


def arguments(parser: ArgumentParser, task: str) -> None:
    """An option for every name that games of this task, such as Synthesis, let choose; the texts are read later."""
    for name, meaning in _names(task).items():
        parser.add_argument(f"--{name}", metavar=name.upper(), help=meaning)


def given(args: Namespace, task: str) -> dict[str, str]:
    """What was chosen, by name, as it was written."""
    return {name: value for name in _names(task) if (value := getattr(args, name)) is not None}


def named(chosen: dict[str, Any]) -> str:
    """For a name that is still to be made safe: '-truncation-0.5'."""
    return "".join(f"-{name}-{value}" for name, value in chosen.items())


def _names(task: str) -> dict[str, str]:
    """The names in `Use` of a task and of the tasks that extend it, with their comments; no torch is imported."""
    names: dict[str, str] = {}
    for file in sorted(TASKS.glob("[a-z]*.py")):
        text = file.read_text("utf-8")
        for owner in (node for node in parsed(text).body if isinstance(node, ast.ClassDef)):
            for use in (node for node in owner.body if isinstance(node, ast.ClassDef) and node.name == "Use"):
                if owner.name == task or f"{task}.Use" in map(ast.unparse, use.bases):
                    names |= remarks(text, use)
    return names
