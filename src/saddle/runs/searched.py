"""What a search has found: its trials, the best one, and what to do with it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..base.files import quoted
from ..base.folder import RunFolder
from ..metrics.score import TELLS


@dataclass(frozen=True)
class Trial:
    """One training of a search."""

    number: int
    run: Path
    settings: dict[str, Any]  # that were varied
    state: str  # finished, pruned, failed or running
    value: float = math.nan  # of a pruned one the last on the way
    uncertainty: float = math.nan
    says: str = ""  # why it failed or was pruned


@dataclass(frozen=True)
class Found:
    """What a search has found so far."""

    folder: Path
    metric: str
    better: str  # lower or higher
    seeds: int  # different seeds of the trials
    trials: tuple[Trial, ...]

    @property
    def ranked(self) -> list[Trial]:
        """The trials that are finished, the best first."""
        sign = 1 if self.better == "lower" else -1
        return sorted((each for each in self.trials if each.state == "finished"), key=lambda each: sign * each.value)

    @property
    def best(self) -> Trial | None:
        return next(iter(self.ranked), None)

    def commands(self) -> dict[str, str]:
        """What to do with the best one: `again` trains it, and `compare` tells whether it is more than luck."""
        if not self.best:
            return {}
        recipe, new = RunFolder(self.best.run).recipe, self.folder.with_name(f"{self.folder.name}-best")
        told = {"again": f"saddle train --config {quoted(recipe)} --run {quoted(new)}"}
        if others := [each for each in self.ranked if each is not self.best]:
            other = min(others, key=lambda each: each.number)
            told["compare"] = f"saddle compare {quoted(other.run)} {quoted(self.best.run)} --seeds 3"
        return told

    def honest(self) -> str:
        """What the best score does not say."""
        seeds = "all of one seed" if self.seeds == 1 else f"of {self.seeds} seeds, one each"
        first, *others = self.ranked
        alike = sum(abs(a.value - first.value) <= TELLS * math.hypot(a.uncertainty, first.uncertainty) for a in others)
        return (
            f"This score, of the trial's best checkpoint, is optimistic: it is the best of {len(self.trials)} trials, "
            f"{seeds}, on the data that chose it. {alike} of the {len(others)} others that finished are within its "
            "error."
        )

    def to_dict(self) -> dict[str, Any]:
        """For programs."""
        trials = [vars(each) | {"run": str(each.run)} for each in self.trials]
        best = {"best": self.best.number if self.best else None, "commands": self.commands()}
        return {"folder": str(self.folder), "metric": self.metric, "better": self.better, "trials": trials} | best


def of_checkpoint(run: Path, score: Mapping[str, Any]) -> str:
    """A final score in words: its value, of which checkpoint it is, and what the last round had if that is another."""
    name, round_ = score["name"], score["round"]
    on_the_way = (event for event in RunFolder(run).events("score") if name in event["scores"])
    *_, last = [{"round": 0}, *on_the_way]
    at_end = f"; {last['scores'][name]['value']:.4g} at the end" if last["round"] > round_ else ""
    return f"{name} {score['value']:.4g} (checkpoint of round {round_:,}{at_end})"
