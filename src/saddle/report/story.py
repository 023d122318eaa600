"""What a run folder tells: its recipe, what happened, its scores."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np
import yaml

from ..base.errors import SaddleError
from ..base.events import Event
from ..base.folder import RunFolder, how_it_stopped
from .svg import Curve


@dataclass(frozen=True)
class Story:
    """A run, read once."""

    folder: RunFolder
    recipe: dict[str, Any]
    events: list[Event]
    scores: list[dict[str, Any]]  # the final ones, or else the latest

    def of(self, kind: str) -> list[Event]:
        """The events of one kind, in order."""
        return [event for event in self.events if event["event"] == kind]

    @property
    def start(self) -> Event:
        """What the latest start said; empty before the first."""
        return (self.of("start") or [{}])[-1]

    @property
    def rounds(self) -> Any:
        """How many were planned last; None before the first start."""
        planned = [event for event in self.events if event["event"] in ("start", "plan")]
        return planned[-1].get("rounds") if planned else None

    @property
    def stop(self) -> Event | None:
        """How the run came to rest, None if it runs or was cut off."""
        return how_it_stopped(self.events)

    @property
    def resumes(self) -> list[float]:
        """The rounds at which the run was taken up again."""
        return [float(event.get("round") or 0) for event in self.of("start")[1:]]

    @property
    def round(self) -> int:
        """The last round heard of."""
        return max((int(event["round"]) for event in self.events if is_number(event.get("round"))), default=0)

    def score(self, name: str) -> float | None:
        """The value of a score; None if it was not taken."""
        values = [score.get("value") for score in self.scores if score["name"] == name]
        return float(values[0]) if values and is_number(values[0]) else None

    def curves(self, group: str) -> list[Curve]:
        """Every number under `group` ("losses" or "notes") of the rounds, in order of appearance."""
        return gather((e["round"], e.get(group)) for e in self.of("round") if is_number(e.get("round")))

    def column(self, name: str) -> Curve | None:
        """One number of every round."""
        curves = gather((e["round"], {name: e[name]}) for e in self.of("round") if is_number(e.get(name)))
        return curves[0] if curves else None

    def score_curves(self) -> list[Curve]:
        """Every score that was taken at more than one round, with its uncertainty."""
        taken = [(e["round"], e["scores"]) for e in self.of("score") if e.get("scores") and is_number(e.get("round"))]
        values = gather((at, {name: s.get("value") for name, s in scores.items()}) for at, scores in taken)
        return [Curve(c.name, c.x, c.y, _errors(c.name, taken)) for c in values if len(set(c.x)) > 1]


def read(folder: RunFolder) -> Story:
    """The story of a run folder. Raises UsageError if it is none, SaddleError if what it holds cannot be read."""
    folder.check()
    return Story(folder, folder.settings(), folder.events(), folder.latest_scores())


def baseline(story: Story) -> Story | None:
    """The run in a folder beside this one whose recipe differs in nothing but what makes it this game's baseline.

    None for a game without a baseline, or without such a run beside it.
    """
    settings = dict(flat(story.recipe))
    changed = {f"game.{name}": shown(value) for name, value in (story.start.get("baseline") or {}).items()}
    if not changed or settings.items() >= changed.items():
        return None
    for folder in story.folder.beside():
        try:
            if dict(flat(folder.settings())) == settings | changed:
                return read(folder)
        except SaddleError:  # a folder that cannot be read is not the one that is looked for
            continue
    return None


def gather(values_at: Iterable[tuple[float, dict[str, Any] | None]]) -> list[Curve]:
    """Curves out of (round, {name: value}); a value that is not a number is not counted as a point."""
    xs: dict[str, list[float]] = {}
    ys: dict[str, list[float]] = {}
    for at, values in values_at:
        for name, value in (values or {}).items():
            if is_number(value):
                xs.setdefault(name, []).append(at)
                ys.setdefault(name, []).append(value)
    return [Curve(name, np.array(xs[name], float), np.array(ys[name], float)) for name in xs]


def flat(settings: Any, name: str = "") -> list[tuple[str, str]]:
    """("a.b.c", value) of nested settings; a list of plain values stays on one line."""
    if isinstance(settings, dict) and settings:
        items = settings.items()
    elif isinstance(settings, list) and any(isinstance(item, dict | list) for item in settings):
        items = dict(enumerate(settings)).items()
    else:
        return [(name, shown(settings))]
    return [pair for key, value in items for pair in flat(value, f"{name}.{key}" if name else str(key))]


def is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def shown(value: Any) -> str:
    return (
        value if isinstance(value, str) else yaml.safe_dump(value, default_flow_style=True, width=10**6).split("\n")[0]
    )


def _errors(name: str, taken: list[tuple[float, dict[str, Any]]]) -> np.ndarray:
    scores = [scores[name] for _, scores in taken if name in scores and is_number(scores[name].get("value"))]
    return np.array([s["uncertainty"] if is_number(s.get("uncertainty")) else 0.0 for s in scores], float)
