"""The metrics by name. What a file measures stands in its `METRICS`, which is read and not run until it is wanted."""

import ast
from collections.abc import Iterable
from functools import lru_cache
from importlib import import_module
from pathlib import Path

from ..base.errors import SaddleError, UsageError, near
from ..base.files import parsed
from ..base.kinds import brief
from .metric import Metric


def metric_names() -> dict[str, str]:
    """Every metric's name and what it says, on one line."""
    return {name: says for name, (_, says) in _homes().items()}


def chosen(names: Iterable[str]) -> dict[str, Metric]:
    """The metrics of those names, once each, in order; UsageError with near misses for an unknown one."""
    names, homes = check(names), _homes()
    return {name: import_module(f"{__package__}.{homes[name][0]}").METRICS[name] for name in names}


def check(names: Iterable[str]) -> list[str]:
    """These names, once each, in order; UsageError with near misses for one that no metric has."""
    names, homes = list(dict.fromkeys(names)), _homes()
    for name in names:
        if name not in homes:
            raise UsageError(f"no metric {brief(name)}{near(name, homes)}; there are {', '.join(homes)}")
    return names


def _homes() -> dict[str, tuple[str, str]]:
    """By name the module of each metric and what it says."""
    return _read(tuple(import_module(__package__ or "").__path__))


@lru_cache(maxsize=8)
def _read(folders: tuple[str, ...]) -> dict[str, tuple[str, str]]:
    homes: dict[str, tuple[str, str]] = {}
    for folder in folders:
        for file in sorted(Path(folder).glob("[a-z]*.py")):
            text = file.read_text("utf-8")
            if "\nMETRICS = {" in text:
                homes |= {name: (file.stem, says) for name, says in _said(file, text).items() if name not in homes}
    return homes


def _said(file: Path, text: str) -> dict[str, str]:
    """What a file's `METRICS` say. SaddleError where names and words are not written out."""
    table = next(node.value for node in parsed(text).body if _is_table(node))  # type: ignore[attr-defined]
    try:
        return {ast.literal_eval(key): ast.literal_eval(call.args[0]) for key, call in _items(table)}
    except (ValueError, AttributeError, IndexError) as error:
        raise SaddleError(
            f'{file}: METRICS must be written out, as {{"name": Metric("what it says", …), …}}'
        ) from error


def _items(table: ast.Dict) -> Iterable[tuple[ast.expr, ast.Call]]:
    return zip(table.keys, table.values, strict=True)  # type: ignore[arg-type]


def _is_table(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "METRICS"
