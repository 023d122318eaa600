"""A score that says what it was measured with and how sure it is; scores of different measures refuse to be ranked."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from ..base.errors import SaddleError
from ..show.scores import ERROR, measured_with, plus_minus, told

Fingerprint = dict[str, str | int | float]
# one: the nearer to 1, and half as much is as far from it as twice; none: what is better is a matter of the data
Better = Literal["lower", "higher", "one", "none"]

_NOT_OF_THE_VALUE = ("trained_against", ERROR)  # what a fingerprint says of the game, or of the error alone
TELLS = 2.0  # standard errors by which two scores are distinguished
_MAY_LACK = ("details", "beside", "ways", "note", "caveat")


@dataclass(frozen=True)
class Score:
    """One number, its standard error, which way is better, and everything that two scores must share to be compared."""

    name: str
    value: float
    uncertainty: float
    better: Better
    fingerprint: (
        Fingerprint  # extractor and its hash, resize, counts, reference and its hash, seed, the measure's settings
    )
    details: dict[str, float] = field(default_factory=dict)  # its parts, such as the value of each class
    beside: dict[str, float] = field(default_factory=dict)  # what others score, such as "input unchanged"
    # of what goes several ways, each by its name: its "value" and "uncertainty", and what others score there
    ways: dict[str, dict[str, float]] = field(default_factory=dict)
    note: str = ""  # what a person should know of it
    caveat: str = ""  # what the metric takes for good, of whatever samples

    def __str__(self) -> str:
        return told(vars(self))

    @property
    def measured_with(self) -> str:
        """Who looked, at how many samples, beside how many references; and the caveat."""
        return measured_with(vars(self))

    def told(self) -> str:
        """The score, with what others score beside it, and a line for every way, where there are several."""

        def line(start: str, others: dict[str, float]) -> str:
            return start + "".join(f"{', ' if i else '; '}{name} {x:.4g}" for i, (name, x) in enumerate(others.items()))

        lines = [line(str(self), self.beside)]
        for name, numbers in self.ways.items():
            others = {whose: x for whose, x in numbers.items() if whose not in ("value", "uncertainty")}
            lines.append(
                line(f"  {name} {numbers['value']:.4g} {plus_minus(numbers['uncertainty'], self.fingerprint)}", others)
            )
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Without what it does not have, such as details."""
        return {name: value for name, value in asdict(self).items() if name not in _MAY_LACK or value}

    @classmethod
    def from_dict(cls, entries: dict[str, Any]) -> "Score":
        """The score that `to_dict` wrote; SaddleError where an entry is missing or unknown."""
        try:
            return cls(**entries)
        except TypeError as error:
            expected = ", ".join(cls.__dataclass_fields__)
            raise SaddleError(
                f"not a score: found {', '.join(entries) or 'nothing'}; a score has {expected}"
            ) from error


def average(scores: Sequence[Score]) -> Score:
    """Of scores of one measure and of one game, but of other evaluation seeds: their mean, and its standard error.

    The samples of each seed are others, so that k seeds divide the error by √k. SaddleError where more differs.
    """
    seeds = [score.fingerprint.get("seed") for score in scores]
    if not scores or len({*seeds}) < len(seeds):
        raise SaddleError(f"an average is of scores of different evaluation seeds, and these have {seeds}")
    alike = [replace(score, fingerprint={**score.fingerprint, "seed": "several"}) for score in scores]
    _check_alike(alike)
    value = sum(score.value for score in scores) / len(scores)
    error = math.hypot(*(score.uncertainty for score in scores)) / len(scores)
    marks = {**scores[0].fingerprint, "seed": ", ".join(map(str, sorted(seeds, key=str)))}
    return Score(scores[0].name, value, error, scores[0].better, marks, caveat=scores[0].caveat)


def rank(scores: Sequence[Score | Sequence[Score]]) -> list[list[Score]]:
    """The places, best first, NaN last; scores on one place are ties, the better value first.

    A score ties with the best one of a place where they differ by less than twice the standard error of their
    difference. Several scores of one game, of other evaluation seeds, are averaged first. SaddleError that names what
    differs where the scores are not of one measure, and for a measure of which neither more nor less is better.
    """
    ordered = _ordered([score if isinstance(score, Score) else average(score) for score in scores])
    places: list[list[Score]] = []
    for score in ordered:
        if places and _tie(places[-1][0], score):
            places[-1].append(score)
        else:
            places.append([score])
    return places


def _tie(a: Score, b: Score) -> bool:
    """Are they distinguished by less than two standard errors? Of an unknown error nobody can tell."""
    if math.isnan(a.value) or math.isnan(b.value):
        return math.isnan(a.value) and math.isnan(b.value)
    return not abs(a.value - b.value) > TELLS * math.hypot(a.uncertainty, b.uncertainty) or a.value == b.value


def _ordered(scores: Sequence[Score]) -> list[Score]:
    if aimless := [score.name for score in scores if score.better == "none"]:
        raise SaddleError(f"{aimless[0]} cannot be ranked: which way is better is a matter of the data")
    _check_alike(scores)
    return sorted(scores, key=_order)


def _check_alike(scores: Sequence[Score]) -> None:
    differing = _differing(scores)
    if differing:
        differences = "; ".join(f"{key}: {' and '.join(values)}" for key, values in differing.items())
        raise SaddleError(
            f"these scores cannot be ranked, for they were not measured alike: {differences}. Score them again alike."
        )


def _order(score: Score) -> float:
    if math.isnan(score.value):
        return math.inf
    if score.better == "one":
        return abs(math.log(score.value)) if score.value > 0 else math.inf
    return score.value if score.better == "lower" else -score.value


def _differing(scores: Sequence[Score]) -> dict[str, list[str]]:
    """Entries on which the scores disagree, with the values found, in the order they came."""
    entries = [{"name": score.name, "better": score.better, **score.fingerprint} for score in scores]
    keys = dict.fromkeys(key for entry in entries for key in entry if key not in _NOT_OF_THE_VALUE)
    values_of = {key: list(dict.fromkeys(str(entry.get(key, "none")) for entry in entries)) for key in keys}
    return {key: values for key, values in values_of.items() if len(values) > 1}
