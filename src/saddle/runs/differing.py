"""Runs side by side: the settings in which they differ, their scores, and whether a difference is more than chance."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from ..base.errors import SaddleError, UsageError, some
from ..base.files import quoted
from ..base.folder import RunFolder
from ..base.kinds import brief
from ..base.settings import flat, text
from ..metrics.significance import LEVEL, Difference, holm, welch
from ..training.health import Interrupted
from .recipe import Recipe
from .session import train

NOT_OF_THE_RECIPE = ("plan.seed", "data.cache", "from")  # settings that make no other recipe
NOT_OF_THE_SCORE = ("seed",)  # of a fingerprint
SAME_DATA = "compare runs on the same data, scored with the same settings"
FEWEST = 3  # runs of each recipe, for a claim


@dataclass(frozen=True)
class Group:
    """The runs of one recipe, each with another seed."""

    name: str
    recipe: Recipe
    runs: tuple[Path, ...]
    scores: dict[str, tuple[float, ...]]  # by name, of each run
    errors: dict[str, tuple[float, ...]]  # likewise: standard errors over the draw of samples
    better: dict[str, str]  # by name, which way


@dataclass(frozen=True)
class Line:
    """One score of one group, beside that of the first group."""

    score: str
    better: str  # higher, lower, one or none
    group: str
    value: float  # the mean over runs
    spread: float  # the deviation between runs; nan of one
    runs: int
    difference: float = math.nan  # from the first group
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan  # after Holm's correction
    effect: float = math.nan
    says: str = ""


@dataclass(frozen=True)
class Comparison:
    groups: tuple[Group, ...]
    settings: dict[str, tuple[str, ...]]  # that differ, by name: what each group has
    lines: tuple[Line, ...]
    left_out: tuple[str, ...]  # scores that not all runs have

    def csv(self) -> str:
        """A row for each score of each group."""
        file = io.StringIO()
        writer = csv.DictWriter(file, list(Line.__dataclass_fields__), lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: "" if v != v else v for k, v in vars(line).items()} for line in self.lines)
        return file.getvalue()


def is_csv(beginning: str) -> bool:
    """Is a file that begins so a table of `Comparison.csv`?"""
    return beginning.startswith(",".join(Line.__dataclass_fields__) + "\n")


def compare(
    places: Sequence[Path], seeds: int = 1, device: str = "auto", say: Callable[[str], None] = lambda told: None
) -> Comparison:
    """Runs of two recipes or more, the first being what the others are compared with.

    With several `seeds`, runs of further seeds that are not there yet are trained beside each, as RUN-seed1, and so on.
    UsageError for fewer than two runs, for one that is not finished, and for scores that were not measured alike: all
    of these before anything is trained. SaddleError where a seed's run fails.
    """
    if len(places) < 2 or len({place.resolve() for place in places}) < len(places):
        raise UsageError("a comparison is of two different runs or more; name their folders")
    beside = [[place.with_name(f"{place.name}-seed{k}") for k in range(1, seeds)] for place in places]
    for path in (path for paths in beside for path in paths):
        if path.resolve() in {place.resolve() for place in places}:
            raise UsageError(f"{path} is a further seed of another of these runs; name one run of each recipe")
    recipes = [_checked(place) for place in places]
    names = _names(places)
    alone = [_group(*each) for each in zip(names, recipes, ([place] for place in places), strict=True)]
    _check_alike(alone)
    wanted = {
        path: _with_seed(place, recipe, k)
        for place, recipe, paths in zip(places, recipes, beside, strict=True)
        for k, path in enumerate(paths, 1)
    }
    _train(wanted, device, say)
    all_runs = ([place, *paths] for place, paths in zip(places, beside, strict=True))
    groups = tuple(_group(*each) for each in zip(names, recipes, all_runs, strict=True))
    shared = _check_alike(groups)
    rest = dict.fromkeys(name for group in alone for name in group.scores if name not in shared)
    return Comparison(groups, _differing(groups), tuple(_lines(groups, shared)), tuple(rest))


def _checked(place: Path) -> Recipe:
    """Its recipe. UsageError for a run that has no end, or no scores of it."""
    folder = RunFolder(place)
    folder.check()
    again = f"saddle train --run {quoted(place)}"
    if failure := folder.failure():
        raise UsageError(f"{place} failed, so there is nothing to compare: {failure}")
    if folder.status != "finished":
        raise UsageError(
            f"{place} has no end yet: it is {folder.status}; wait for it if it is being trained, or else let it "
            f"finish: {again}"
        )
    if not folder.scores():
        raise UsageError(f"{place} has no final scores; the same training measures them: {again}")
    return Recipe.read(place)


def _names(places: Sequence[Path]) -> list[str]:
    """Those of the folders; with their paths where two have the same."""
    names = [place.resolve().name for place in places]
    return names if len({*names}) == len(names) else [str(place) for place in places]


def _with_seed(place: Path, recipe: Recipe, k: int) -> Recipe:
    return recipe.change({"plan.seed": recipe.plan.seed + k, **_length(place, recipe)})


def _length(place: Path, recipe: Recipe) -> dict[str, Any]:
    """As many rounds as the run had, whatever its minutes were."""
    rounds = [event["rounds"] for event in RunFolder(place).events() if isinstance(event.get("rounds"), int)]
    if not rounds or recipe.plan.limit is None:
        return {}
    return {"plan.rounds": rounds[-1], "plan.minutes": None, "plan.at_most": None, "plan.images": None}


def _train(wanted: Mapping[Path, Recipe], device: str, say: Callable[[str], None]) -> None:
    """The runs that are not there yet, one after the other. UsageError for a folder of another recipe, before any."""
    for path, recipe in wanted.items():
        recipe.check_folder(path, "RUN", may_grow=False)
    missing = [path for path in wanted if RunFolder(path).status != "finished" or not RunFolder(path).scores()]
    for i, path in enumerate(missing, 1):
        recipe = wanted[path]
        say(f"training {path}: {recipe.game} with seed {recipe.plan.seed} ({i} of {len(missing)})")
        try:
            train(recipe, path, device, quiet=True)
        except Interrupted:
            raise
        except SaddleError as error:
            raise SaddleError(
                f"{path}, seed {recipe.plan.seed}, came to no end, and there is no mean over seeds without it: {error}"
            ) from error


def _group(name: str, recipe: Recipe, runs: Sequence[Path]) -> Group:
    found = [{s["name"]: s for s in RunFolder(path).scores()} for path in runs]
    shared = [each for each in found[0] if all(each in others for others in found)]
    return Group(
        name,
        recipe,
        tuple(runs),
        {score: tuple(float(each[score]["value"]) for each in found) for score in shared},
        {score: tuple(float(each[score]["uncertainty"]) for each in found) for score in shared},
        {score: str(found[0][score].get("better", "none")) for score in shared},
    )


def _check_alike(groups: Sequence[Group]) -> list[str]:
    """The scores that all have. UsageError where there are none, or one was measured otherwise in another run."""
    shared = [name for name in groups[0].scores if all(name in group.scores for group in groups)]
    if not shared:
        told = "; ".join(f"{group.name} has {some(group.scores)}" for group in groups)
        raise UsageError(f"no score is of all of these runs: {told}; compare runs on the same data")
    runs = [path for group in groups for path in group.runs]
    marks = [{score["name"]: score.get("fingerprint") or {} for score in RunFolder(path).scores()} for path in runs]
    for name in shared:
        for path, mark in zip(runs, marks, strict=True):
            ours, theirs = marks[0][name], mark[name]
            wrong = [k for k in {**ours, **theirs} if k not in NOT_OF_THE_SCORE and ours.get(k) != theirs.get(k)]
            if wrong:
                told = some(f"{k} is {_said(ours, k)} there and {_said(theirs, k)} here" for k in sorted(wrong))
                cure = _cure(runs, [mark[name] for mark in marks]) if wrong == ["samples"] else SAME_DATA
                raise UsageError(f"{name} was not measured alike in {runs[0]} and {path}: {told}; {cure}")
    return shared


def _said(mark: Mapping[str, Any], key: str) -> str:
    value = mark.get(key, "not noted")
    return str(value) if key not in mark or isinstance(value, int | float) else brief(value)


def _cure(runs: Sequence[Path], marks: Sequence[Mapping[str, Any]]) -> str:
    """What to do about runs of other --plan.samples: the scores of a run are final, but it can be scored again."""
    counts = [mark.get("samples") for mark in marks]
    if not all(isinstance(count, int) for count in counts):
        return SAME_DATA
    commands = [f"saddle evaluate {quoted(path)} -n {max(filter(None, counts))}" for path in runs]
    return f"scores of as many are comparable: {some(commands, between=' and ')}"


def _differing(groups: Sequence[Group]) -> dict[str, tuple[str, ...]]:
    plain = [flat(group.recipe.to_dict()) for group in groups]
    names = dict.fromkeys(name for each in plain for name in each)
    found = {name: tuple(text(each[name]) if name in each else "–" for each in plain) for name in names}
    kept = (name for name in found if not name.startswith(NOT_OF_THE_RECIPE))
    return {name: found[name] for name in kept if len({*found[name]}) > 1}


def _lines(groups: Sequence[Group], shared: Sequence[str]) -> list[Line]:
    lines = []
    first, *others = groups
    for name in shared:
        values = first.scores[name]
        lines.append(Line(name, first.better[name], first.name, mean(values), _spread(values), len(values)))
        found = [welch(values, group.scores[name]) for group in others]
        chances = iter(holm([each.p for each in found if each]))
        for group, each in zip(others, found, strict=True):
            lines.append(_line(name, first, group, each, next(chances) if each else math.nan))
    return lines


def _line(name: str, first: Group, group: Group, found: Difference | None, p: float) -> Line:
    values = group.scores[name]
    start = (name, first.better[name], group.name, mean(values), _spread(values), len(values))
    difference = mean(values) - mean(first.scores[name])
    if not math.isfinite(difference):
        return Line(*start, says="not measured in every run: no claim")
    if found is None:
        low, high, says = _untested(difference, first, group, name)
        return Line(*start, difference, low, high, says=says)
    claims = min(found.runs) >= FEWEST
    says = "differ" if p < LEVEL else "cannot be distinguished"
    says = says if claims else f"fewer than {FEWEST} seeds each: no claim"
    return Line(*start, difference, found.low, found.high, p, found.effect, says)


def _untested(difference: float, first: Group, group: Group, name: str) -> tuple[float, float, str]:
    """An interval, if there is one, and why there is no test.

    With one seed each it is over the draw of samples alone, which tells nothing of another training.
    """
    if len(group.runs) > 1:  # so t is 0 / 0, or without end
        return math.nan, math.nan, "the same in every run" if not difference else "no deviation between seeds: no test"
    reach = 1.96 * math.hypot(first.errors[name][0], group.errors[name][0])
    return difference - reach, difference + reach, "one seed each: no claim"


def _spread(values: Sequence[float]) -> float:
    return stdev(values) if len(values) > 1 and all(map(math.isfinite, values)) else math.nan
