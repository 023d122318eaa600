"""What a class's source says of its settings."""

import ast
import inspect
from dataclasses import fields, is_dataclass
from functools import cache
from textwrap import dedent

from .files import PARSING, parsed


def meanings(kind: type) -> dict[str, str]:
    """What each field means: the comment on its line, or the docstring under it; also those of inherited fields."""
    meant: dict[str, str] = dict.fromkeys((field.name for field in fields(kind)), "")
    for owner in reversed(kind.__mro__):
        if is_dataclass(owner):
            meant |= {name: meaning for name, meaning in _remarks(owner).items() if meaning and name in meant}
    return meant


@cache  # to read the source again takes milliseconds, and there are a hundred settings to explain
def _remarks(owner: type) -> dict[str, str]:
    try:
        with PARSING:
            source = dedent(inspect.getsource(owner))
    except OSError:  # written in an interactive shell
        return {}
    return remarks(source, parsed(source).body[0])  # type: ignore[arg-type]


def remarks(source: str, owner: ast.ClassDef) -> dict[str, str]:
    """The comment on the line of every annotated name in a class, or the docstring under it."""
    lines, meant, body = source.splitlines(), dict[str, str](), owner.body
    for node, below in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            _, _, remark = lines[(node.end_lineno or 1) - 1].encode()[node.end_col_offset :].decode().partition("#")
            if not remark and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
                remark = str(below.value.value)
            meant[node.target.id] = " ".join(remark.split())
    return meant
