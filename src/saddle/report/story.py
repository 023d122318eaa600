"""What a run folder tells: its recipe, what happened, its scores."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import yaml

from ..base import checked
from ..base.errors import SaddleError
from ..base.events import Event
from ..base.folder import MAY_CHANGE, RunFolder, how_it_stopped
from ..base.plain import is_number
from .svg import Curve

T = TypeVar("T")


@dataclass(frozen=True)
class Story:
    """A run, read once; every field of an event is of its kind, or is not there."""

    folder: RunFolder
    recipe: dict[str, Any]
    events: list[Event]
    scores: list[dict[str, Any]]  # the final ones, or else the latest
    changed: tuple[str, ...] = ()  # settings that are no longer those of its checkpoints, in words
    unread: tuple[str, ...] = ()  # which of its files could not be read, and why

    def of(self, kind: str) -> list[Event]:
        """The events of one kind, in order."""
        return [event for event in self.events if event["event"] == kind]

    @property
    def start(self) -> Event:
        """What the latest start said; empty before the first."""
        return (self.of("start") or [{}])[-1]

    @property
    def rounds(self) -> int | None:
        """How many were planned last; None before the first start."""
        planned = [
            event["rounds"] for event in self.events if event["event"] in ("start", "plan") and "rounds" in event
        ]
        return planned[-1] if planned else None

    @property
    def stop(self) -> Event | None:
        """How the run came to rest, None if it runs or was cut off."""
        return how_it_stopped(self.events)

    @property
    def reason(self) -> str:
        """How it ended, in a word or two."""
        return (self.stop.get("reason") or "stopped") if self.stop else "unfinished"

    @property
    def resumes(self) -> list[float]:
        """The rounds at which the run was taken up again."""
        return [float(event.get("round", 0)) for event in self.of("start")[1:]]

    @property
    def round(self) -> int:
        """The last round in the log."""
        return max((event["round"] for event in self.events if "round" in event), default=0)

    @property
    def verdict(self) -> str:
        """What the doctor last said of it, and what it could not look at; '' if nothing."""
        said = self.of("verdict")[-1:]
        return "; ".join(str(e[part]) for e in said for part in ("message", "unseen") if e.get(part))

    @property
    def game(self) -> str:
        """Its name; else that of the folder."""
        game = self.start.get("game") or self.recipe.get("game")
        game = game.get("name") if isinstance(game, dict) else game
        return game if isinstance(game, str) and game else self.folder.path.resolve().name

    def score(self, name: str) -> float | None:
        """The value of a score; None if it was not taken."""
        return next((score.get("value") for score in self.scores if score["name"] == name), None)

    def curves(self, group: str) -> list[Curve]:
        """Every number under `group` ("losses" or "notes") of the rounds, in order of appearance."""
        return gather((e["round"], e.get(group)) for e in self.of("round") if "round" in e)

    def notes(self, name: str) -> bool:
        """Did the game note a number of this name?"""
        return any(name in event.get("notes", {}) for event in self.of("round"))

    def column(self, name: str) -> Curve | None:
        """One number of every round."""
        curves = gather((e["round"], {name: e.get(name)}) for e in self.of("round") if "round" in e)
        return curves[0] if curves else None

    def score_curves(self) -> list[Curve]:
        """Every score that was taken at more than one round, with its uncertainty."""
        taken = [(e["round"], e["scores"]) for e in self.of("score") if "scores" in e and "round" in e]
        values = gather((at, {name: s.get("value") for name, s in scores.items()}) for at, scores in taken)
        return [Curve(c.name, c.x, c.y, _errors(c.name, taken)) for c in values if len(set(c.x)) > 1]


def read(folder: RunFolder) -> Story:
    """The story of a run folder, without what cannot be read of it. Raises UsageError if it is none."""
    folder.check()
    unread: list[str] = []
    recipe: dict[str, Any] = _tried(folder.settings, unread) or {}
    events = [checked.event(event) for event in _tried(lambda: folder.events(), unread) or ()]
    scores = checked.scores(_tried(folder.scores, unread) or []) or _latest(events)
    return Story(folder, recipe, events, scores, _changed(recipe, folder.made_with()), tuple(unread))


def _changed(recipe: dict[str, Any], made_with: dict[str, Any]) -> tuple[str, ...]:
    """Settings that were changed in recipe.yaml by hand, with their values; the kind of the data is one."""
    now, before = (dict(flat(each)) for each in (recipe, made_with))
    lines = []
    for name in now.keys() & before.keys():
        a, b = now[name], before[name]
        if name == "data.source":
            a, b = (each.partition(":")[0] for each in (a, b))
        if not _alike(a, b) and (name not in MAY_CHANGE or name == "data.source"):
            lines.append(f"{name} is {a}, there {b}")
    return tuple(sorted(lines))


def _alike(one: str, other: str) -> bool:
    """5 is 5.0."""
    try:
        return one == other or float(one) == float(other)
    except ValueError:
        return False


def _tried(read: Callable[[], T], unread: list[str]) -> T | None:
    try:
        return read()
    except (SaddleError, OSError) as error:
        unread.append(str(error))
        return None


def _latest(events: list[Event]) -> list[dict[str, Any]]:
    """The scores that were taken last on the way."""
    taken = [event["scores"] for event in events if event["event"] == "score" and "scores" in event]
    return [score | {"name": name} for name, score in taken[-1].items()] if taken else []


def baseline(story: Story) -> Story | None:
    """The run in a folder beside this one whose recipe differs in nothing but what makes it this game's baseline.

    None for a game without a baseline, or without such a run beside it.
    """
    settings = dict(flat(story.recipe))
    changed = {f"game.{name}": shown(value) for name, value in story.start.get("baseline", {}).items()}
    if not changed or settings.items() >= changed.items():
        return None
    for folder in story.folder.beside():
        try:
            if dict(flat(folder.settings())) == settings | changed:
                return read(folder)
        except (SaddleError, OSError):  # a folder that cannot be read is not the one that is looked for
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
    """("a.b.c", value) of nested settings, by the names that the command line has; a row of values is one value.

    A part is named by its class: ("game.network", "MLP"), ("game.network.width", "128").
    """
    if isinstance(settings, dict) and name and "class" in settings:
        return [(name, shown(settings["class"])), *_below(_without_class(settings), name)]
    if isinstance(settings, dict) and settings:
        return _below(settings, name)
    if isinstance(settings, list) and any(isinstance(item, dict | list) for item in settings):
        classes = [item.get("class") if isinstance(item, dict) else item for item in settings]
        if not all(isinstance(kind, str) for kind in classes):
            return _below(dict(enumerate(settings)), name)
        parts = {item["class"]: _without_class(item) for item in settings if isinstance(item, dict)}
        return [(name, shown(classes)), *_below({kind: part for kind, part in parts.items() if part}, name)]
    return [(name, shown(settings))]


def _below(items: dict[Any, Any], name: str) -> list[tuple[str, str]]:
    return [pair for key, value in items.items() for pair in flat(value, f"{name}.{key}" if name else str(key))]


def _without_class(part: dict[Any, Any]) -> dict[Any, Any]:
    return {key: value for key, value in part.items() if key != "class"}


def shown(value: Any) -> str:
    if value is None:
        return "none"
    return (
        value if isinstance(value, str) else yaml.safe_dump(value, default_flow_style=True, width=10**6).split("\n")[0]
    )


def _errors(name: str, taken: list[tuple[float, dict[str, Any]]]) -> np.ndarray:
    values = [scores[name] for _, scores in taken if "value" in scores.get(name, {})]
    return np.array([abs(score.get("uncertainty", 0.0)) for score in values], float)
