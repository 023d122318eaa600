"""Scores as the commands print them."""

from collections.abc import Iterator, Mapping

from ..base.errors import remark
from ..metrics.score import Score
from ..show.scores import plus_minus
from ._show import json, table


def tell(scores: Mapping[str, Score], as_json: bool) -> None:
    """A table with what others score beside each, and notes below it; or one JSON value."""
    if as_json:
        json({name: score.to_dict() for name, score in scores.items()})
        return
    beside = list(dict.fromkeys(name for score in scores.values() for name in score.beside))
    lines = [line for score in scores.values() for line in _lines(score, beside)]
    table(["score", "value", "error", "better", *beside, "measured with"], lines)
    for note in dict.fromkeys(score.note for score in scores.values() if score.note):
        remark(note)


def _lines(score: Score, beside: list[str]) -> Iterator[list[str]]:
    """The score, and below it every way, where there are several; behind either what others score there."""

    def line(name: str, numbers: dict[str, float], better: str, basis: str = "") -> list[str]:
        others = (f"{numbers[each]:.4g}" if each in numbers else "" for each in beside)
        error = plus_minus(numbers["uncertainty"], score.fingerprint)
        return [name, f"{numbers['value']:.4g}", error, better, *others, basis]

    whole = {"value": score.value, "uncertainty": score.uncertainty} | score.beside
    yield line(
        score.name, whole, {"lower": "↓", "higher": "↑", "one": "→1", "none": ""}[score.better], score.measured_with
    )
    for way, numbers in score.ways.items():
        yield line(f"  {way}", numbers, "")
