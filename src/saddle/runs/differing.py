"""Runs side by side: the settings in which they differ, their scores, and whether a difference is more than chance."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from ..base.errors import SaddleError, UsageError, some
from ..base.files import quoted
from ..base.folder import RunFolder
from ..base.settings import flat, text
from ..metrics.significance import LEVEL, Difference, holm, welch
from .recipe import Recipe
from .session import train

NOT_OF_THE_RECIPE = ("plan.seed", "data.cache", "from")  # settings that make no other recipe
NOT_OF_THE_SCORE = ("seed",)  # of a fingerprint
FEWEST = 3  # runs of each recipe, for a claim


@dataclass(frozen=True)
class Group:
    """The runs of one recipe, each with another seed."""

    name: str
    recipe: Recipe
    runs: tuple[Path, ...]
    scores: dict[str, tuple[float, ...]]  # by name, of each run
    errors: dict[str, tuple[float, ...]]  # likewise: standard errors over the draw of samples


@dataclass(frozen=True)
class Line:
    """One score of one group, beside that of the first group."""

    score: str
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

    def csv(self) -> str:
        """A row for each score of each group."""
        file = io.StringIO()
        writer = csv.DictWriter(file, list(Line.__dataclass_fields__), lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: "" if v != v else v for k, v in vars(line).items()} for line in self.lines)
        return file.getvalue()


def compare(
    places: Sequence[Path], seeds: int = 1, device: str = "auto", say: Callable[[str], None] = lambda told: None
) -> Comparison:
    """Runs of two recipes or more, the first being what the others are compared with.

    With several `seeds`, runs of further seeds that are not there yet are trained beside each, as RUN-seed1, and so on.
    UsageError for fewer than two runs, for one without scores, and for scores that were not measured alike.
    """
    if len(places) < 2 or len({place.resolve() for place in places}) < len(places):
        raise UsageError("a comparison is of two different runs or more; name their folders")
    recipes = [_checked(place) for place in places]
    groups = tuple(_group(place, recipe, seeds, device, say) for place, recipe in zip(places, recipes, strict=True))
    _check_alike(groups)
    return Comparison(groups, _differing(groups), tuple(_lines(groups)))


def _checked(place: Path) -> Recipe:
    folder = RunFolder(place)
    folder.check()
    if not folder.scores():
        raise UsageError(
            f"{place} has no final scores, and is {folder.status}; let it finish: saddle train --run {place}"
        )
    return Recipe.read(place)


def _group(place: Path, recipe: Recipe, seeds: int, device: str, say: Callable[[str], None]) -> Group:
    runs = [place]
    for k in range(1, seeds):
        path = place.with_name(f"{place.name}-seed{k}")
        wanted = recipe.change({"plan.seed": recipe.plan.seed + k, **_length(place, recipe)})
        if RunFolder(path).status != "finished" or not RunFolder(path).recipe.exists():
            say(f"training {path}: {recipe.game} with seed {wanted.plan.seed}")
            try:
                train(wanted, path, device, quiet=True)
            except SaddleError as error:
                raise SaddleError(f"{path}, seed {wanted.plan.seed}, came to no end: {error}") from error
        wanted.check_folder(path, "RUN", may_grow=False)
        runs.append(path)
    found = [{s["name"]: s for s in RunFolder(path).scores()} for path in runs]
    names = [name for name in found[0] if all(name in each for each in found)]
    return Group(
        place.name,
        recipe,
        tuple(runs),
        {name: tuple(float(each[name]["value"]) for each in found) for name in names},
        {name: tuple(float(each[name]["uncertainty"]) for each in found) for name in names},
    )


def _length(place: Path, recipe: Recipe) -> dict[str, Any]:
    """As many rounds as the run had, whatever its minutes were."""
    rounds = [event["rounds"] for event in RunFolder(place).events() if isinstance(event.get("rounds"), int)]
    if not rounds or recipe.plan.limit is None:
        return {}
    return {"plan.rounds": rounds[-1], "plan.minutes": None, "plan.at_most": None, "plan.images": None}


def _check_alike(groups: Sequence[Group]) -> None:
    """UsageError where no score is of all, or one was measured otherwise in another run."""
    shared = [name for name in groups[0].scores if all(name in group.scores for group in groups)]
    if not shared:
        told = "; ".join(f"{group.name} has {some(group.scores)}" for group in groups)
        raise UsageError(f"no score is of all of these runs: {told}; compare runs on the same data")
    for name in shared:
        marks = [
            {k: v for k, v in score["fingerprint"].items() if k not in NOT_OF_THE_SCORE}
            for group in groups
            for path in group.runs
            for score in RunFolder(path).scores()
            if score["name"] == name
        ]
        if wrong := sorted({k for mark in marks for k in mark if any(other.get(k) != mark[k] for other in marks)}):
            counted = wrong == ["samples"] and all("samples" in mark for mark in marks)
            cure = _cure(groups, marks) if counted else "compare runs on the same data"
            raise UsageError(f"{name} was not measured alike in these runs: its {some(wrong)} differ; {cure}")


def _cure(groups: Sequence[Group], marks: Sequence[dict[str, Any]]) -> str:
    """What to do about runs of other --plan.samples: the scores of a run are final, but it can be scored again."""
    counts = [mark["samples"] for mark in marks]
    runs = [path for group in groups for path in group.runs]
    commands = [f"saddle evaluate {quoted(path)} -n {max(counts)}" for path in runs]
    told = some(dict.fromkeys(f"{n:,}" for n in counts), between=" and ")
    return f"they were scored with {told} samples. Scores of as many are comparable: {some(commands, between=' and ')}"


def _differing(groups: Sequence[Group]) -> dict[str, tuple[str, ...]]:
    plain = [flat(group.recipe.to_dict()) for group in groups]
    names = dict.fromkeys(name for each in plain for name in each)
    found = {name: tuple(text(each[name]) if name in each else "–" for each in plain) for name in names}
    kept = (name for name in found if not name.startswith(NOT_OF_THE_RECIPE))
    return {name: found[name] for name in kept if len({*found[name]}) > 1}


def _lines(groups: Sequence[Group]) -> list[Line]:
    lines = []
    first, *others = groups
    for name in (name for name in first.scores if all(name in group.scores for group in groups)):
        values = first.scores[name]
        lines.append(Line(name, first.name, mean(values), _spread(values), len(values)))
        found = [welch(values, group.scores[name]) for group in others]
        chances = iter(holm([each.p for each in found if each]))
        for group, each in zip(others, found, strict=True):
            lines.append(_line(name, first, group, each, next(chances) if each else math.nan))
    return lines


def _line(name: str, first: Group, group: Group, found: Difference | None, p: float) -> Line:
    values = group.scores[name]
    start = (name, group.name, mean(values), _spread(values), len(values))
    difference = mean(values) - mean(first.scores[name])
    if found is None:
        return Line(*start, difference, *_of_samples(difference, first, group, name))
    claims = min(found.runs) >= FEWEST
    says = "differ" if p < LEVEL else "cannot be distinguished"
    says = says if claims else f"fewer than {FEWEST} seeds each: no claim"
    return Line(*start, difference, found.low, found.high, p, found.effect, says)


def _of_samples(difference: float, first: Group, group: Group, name: str) -> tuple[float, float, float, float, str]:
    """With one seed each: the interval over the draw of samples alone, which tells nothing of another training."""
    reach = 1.96 * math.hypot(first.errors[name][0], group.errors[name][0])
    return difference - reach, difference + reach, math.nan, math.nan, "one seed each: no claim"


def _spread(values: Sequence[float]) -> float:
    return stdev(values) if len(values) > 1 else math.nan
