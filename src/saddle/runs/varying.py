"""What a search varies: settings by dotted name, each between two numbers, or one of several values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..base.errors import UsageError
from ..base.kinds import brief
from ..base.settings import explain, flat, text
from .recipe import Recipe

if TYPE_CHECKING:
    from optuna.trial import Trial

RANGE = re.compile(r"(?P<low>.+?)\.\.(?P<high>.+?)(?P<log>:log)?")
JUDGING = {  # settings that are no part of what is searched, and why
    **dict.fromkeys(("plan.metrics", "plan.samples", "plan.scores"), "how the trials are scored"),
    **dict.fromkeys(("data", "data.source"), "what the trials learn"),
    **dict.fromkeys(("game", "game.name"), "which game it is"),
}


@dataclass(frozen=True)
class Between:
    """Numbers from `low` to `high`, both included."""

    low: float
    high: float
    log: bool = False  # are their logarithms drawn evenly?
    step: int = 1  # of whole numbers

    def __str__(self) -> str:
        return f"{text(self.low)}..{text(self.high)}{':log' * self.log}"

    @property
    def ends(self) -> tuple[Any, ...]:
        return self.low, self.high

    def suggest(self, trial: Trial, name: str) -> Any:
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(name, self.low, self.high, step=self.step, log=self.log)
        return trial.suggest_float(name, self.low, self.high, log=self.log)

    def begins(self, recipe: Recipe, name: str) -> Any:
        """The value that the recipe has, as a suggestion would be; None if it is none of these."""
        value = flat(recipe.to_dict()).get(name)
        if not isinstance(value, int | float) or not self.low <= value <= self.high:
            return None
        return value if self.step == 1 or (value - self.low) % self.step == 0 else None


@dataclass(frozen=True)
class OneOf:
    """Values as one writes them on the command line."""

    ends: tuple[str, ...]

    def __str__(self) -> str:
        return ",".join(self.ends)

    def suggest(self, trial: Trial, name: str) -> Any:
        return trial.suggest_categorical(name, self.ends)

    def begins(self, recipe: Recipe, name: str) -> Any:
        return next((value for value in self.ends if recipe.change({name: value}) == recipe), None)


Way = Between | OneOf
Space = dict[str, Way]


def read(recipe: Recipe, vary: Mapping[str, Any]) -> Space:
    """How each setting of a recipe is varied: "LOW..HIGH", "LOW..HIGH:log", "A,B,C" or a list of values.

    A part of a setting that is varied too, such as the weight of a penalty, is varied where there is such a part.
    UsageError for a setting that there is not, a value that it cannot have, and what would change the judgement.
    """
    if not vary:
        raise UsageError("a search varies at least one setting, such as --vary game.optim.lr=1e-5..1e-2:log")
    space: Space = {}
    for name in sorted(vary, key=lambda name: name.count(".")):
        if name in JUDGING:
            raise UsageError(f"{name} cannot be varied: it decides {JUDGING[name]}, and scores must be comparable")
        try:
            space[name] = _first(_bases(recipe, space, name), name, vary[name])
        except UsageError as error:
            raise UsageError(f"{name} cannot be varied: {error}") from None
    return space


def owner(space: Space, name: str) -> str | None:
    """The setting that is varied too and of which this one is a part."""
    return next((other for other in space if name.startswith(f"{other}.")), None)


def suggested(recipe: Recipe, space: Space, trial: Trial) -> dict[str, Any]:
    """The settings of a trial: of parts those that there are with the other choices."""
    edits: dict[str, Any] = {}
    for name, way in space.items():
        if owner(space, name) is None or _can(recipe, edits | {name: way.ends[0]}):
            edits[name] = way.suggest(trial, name)
    return edits


def beginning(recipe: Recipe, space: Space) -> dict[str, Any]:
    """The suggestion that leaves the recipe as it is; empty if the search does not include it."""
    values: dict[str, Any] = {}
    for name, way in space.items():
        if owner(space, name) is not None and not _can(recipe, {name: way.ends[0]}):
            continue
        values[name] = way.begins(recipe, name)
    return {} if None in values.values() else values


def ends(recipe: Recipe, space: Space) -> list[tuple[str, Recipe]]:
    """For every setting its ends or values, one after the other, each with the recipe that has it."""
    found = []
    for name, way in space.items():
        for base in _bases(recipe, {k: v for k, v in space.items() if k != name}, name)[:1]:
            found += [(name, base.change({name: value})) for value in way.ends if _can(base, {name: value})]
    return found


def _bases(recipe: Recipe, space: Space, name: str) -> list[Recipe]:
    """Recipes in which the setting may be: where it is a part of one that is varied, with each of that one's values."""
    whole = owner(space, name)
    return [recipe.change({whole: value}) for value in space[whole].ends] if whole else [recipe]


def _can(recipe: Recipe, edits: Mapping[str, Any]) -> bool:
    try:
        recipe.change(edits)
    except UsageError:
        return False
    return True


def _first(bases: list[Recipe], name: str, given: Any) -> Way:
    """What is given, read where it can be."""
    for base in bases[:-1]:
        try:
            return _read(base, name, given)
        except UsageError:
            continue
    return _read(bases[-1], name, given)


def _read(recipe: Recipe, name: str, given: Any) -> Way:
    if isinstance(given, str) and ".." in given:
        return _between(recipe, name, given)
    values = _split(given) if isinstance(given, str) else [text(each) for each in given]
    for value in values:
        recipe.change({name: value})
    if len({*values}) < 2 or len({*values}) < len(values):
        raise UsageError(f"it takes two values or more, each once, not {brief(','.join(values))}; see --{name}")
    return OneOf(tuple(values))


def _split(row: str) -> list[str]:
    """'A,B' and '[1,2],[3,4]' as values."""
    return [each.strip() for each in re.split(r",(?![^\[]*\])", row)]


def _between(recipe: Recipe, name: str, given: str) -> Between:
    match = RANGE.fullmatch(given.strip())
    if match is None:
        raise UsageError(f"a range is LOW..HIGH or LOW..HIGH:log, not {brief(given)}")
    low, high = (flat(recipe.change({name: match[end]}).to_dict()).get(name) for end in ("low", "high"))
    if any(isinstance(each, bool) or not isinstance(each, int | float) for each in (low, high)):
        raise UsageError(f"it is no number; name its values: --vary {name}=A,B")
    assert isinstance(low, int | float) and isinstance(high, int | float)  # noqa: PT018
    step = _step(recipe, name)
    if not low < high:
        raise UsageError(f"a range begins with its lower end: {text(low)} is not below {text(high)}")
    if match["log"] and (low <= 0 or step != 1):
        raise UsageError(f"':log' is for numbers above 0 without steps, not for {brief(given)}; leave it out")
    return Between(low, high, match["log"] is not None, step)


def _step(recipe: Recipe, name: str) -> int:
    """Of a setting that is a multiple of a whole number, that number."""
    parts = {"game": recipe.options, "data": recipe.data, "plan": recipe.plan}
    part = name.partition(".")[0]
    setting = explain(parts[part], part).get(name)
    return setting.range.step if setting and setting.range else 1
