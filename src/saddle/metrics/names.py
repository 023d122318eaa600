"""The metrics by name. What a file measures stands in its `METRICS`, which is read and not run until it is wanted."""

import ast
from collections.abc import Iterable
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

from ..base import guests
from ..base.errors import SaddleError, UsageError, near
from ..base.files import parsed
from ..base.kinds import brief
from .metric import Metric

KIND = "metrics"  # of entry points


def metric_names() -> dict[str, str]:
    """Every metric's name and what it says, on one line; those of guests come last."""
    house = {name: says for name, (_, says) in _homes().items()}
    packages = {name: f"offered by the package {guests.package(at)}" for name, at in guests.offered(KIND).items()}
    plugged = {name: metric.says for name, metric in _plugged().items()}
    return house | {name: says for name, says in (packages | plugged).items() if name not in house}


def chosen(names: Iterable[str]) -> dict[str, Metric]:
    """The metrics of those names, once each, in order; UsageError with near misses for an unknown one."""
    return {name: _metric(name) for name in check(names)}


def check(names: Iterable[str]) -> list[str]:
    """These names, once each, in order; UsageError with near misses for one that no metric has."""
    names, possible = list(dict.fromkeys(names)), metric_names()
    for name in names:
        if name not in possible:
            raise UsageError(f"no metric {brief(name)}{near(name, possible)}; there are {', '.join(possible)}")
    return names


def guest_home(name: str) -> str | None:
    """The module that defines a guest's metric; None for one of the house."""
    if name in _homes():
        return None
    homes = [module.__name__ for module in guests.plugged().values() if name in vars(module).get("METRICS", {})]
    return homes[0] if homes else guests.offered(KIND)[name].module if name in guests.offered(KIND) else None


def check_plugged(module: ModuleType) -> None:
    """UsageError for `METRICS` of a plugin that are none, or have a name of the house."""
    for name, metric in vars(module).get("METRICS", {}).items():
        if name in _homes():
            raise UsageError(
                f"{module.__name__} has a metric '{name}', and that is one of Saddle's; give it another name"
            )
        if not isinstance(metric, Metric):
            raise UsageError(f"{module.__name__}.METRICS['{name}'] is no saddle.metrics.metric.Metric, but {metric!r}")


def _metric(name: str) -> Metric:
    if name in _homes():
        metric: Metric = import_module(f"{__package__}.{_homes()[name][0]}").METRICS[name]
        return metric
    if name in _plugged():
        return _plugged()[name]
    found = guests.fetch(KIND, name)
    if not isinstance(found, Metric):
        package = guests.package(guests.offered(KIND)[name])
        raise SaddleError(
            f"the package {package} offers a metric '{name}', and what it holds is none; mend or remove it"
        )
    return found


def _plugged() -> dict[str, Metric]:
    """Those of plugins."""
    modules = guests.plugged().values()
    return {name: metric for module in modules for name, metric in vars(module).get("METRICS", {}).items()}


def _homes() -> dict[str, tuple[str, str]]:
    """Of the house: by name the module of each metric and what it says."""
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
