"""A run as the doctor sees it: numbers by round, scores of the way and of the end, the recipe's plain values."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any

from ..base import checked
from ..base.events import Event
from ..base.files import quoted
from ..base.folder import RunFolder, how_it_stopped
from ..base.plain import is_number
from ..base.settings import flat

Curve = list[tuple[int, float]]  # round, value
LEAST = 3  # numbers of a tail


@dataclass(frozen=True)
class Log:
    """Of one run. Every curve is in the order of rounds; numbers that are not finite are left out of it."""

    path: Path  # of the run's folder
    events: Sequence[Event] = ()
    recipe: Mapping[str, Any] = field(default_factory=dict)  # plain values
    scores: Sequence[Mapping[str, Any]] = ()  # the final ones

    @classmethod
    def of(cls, folder: RunFolder) -> Log:
        """UsageError for a folder that is no run, SaddleError for one that cannot be read."""
        folder.check()
        events = [checked.event(event) for event in folder.events()]
        return cls(folder.path, events, folder.settings(), checked.scores(folder.scores()))

    @cached_property
    def start(self) -> Event:
        """How it began, or was last taken up again; empty if it did not."""
        return next((e for e in reversed(self.events) if e["event"] == "start"), {"event": "start"})

    @property
    def stop(self) -> Event | None:
        """How it came to rest; None if it runs or was cut off."""
        return how_it_stopped([*self.events])

    @property
    def game(self) -> str:
        game = self.recipe.get("game")
        return str(game.get("name") if isinstance(game, Mapping) else game or self.start.get("game", ""))

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Of the recipe, by dotted names."""
        return flat(dict(self.recipe))

    @property
    def judgement(self) -> str | None:
        """What d_real and d_fake are: probabilities, scores, distance or energies."""
        return self.start.get("judgement")

    @property
    def commands(self) -> list[str]:
        """What the game is for, such as "saddle sample"."""
        return [str(command) for command in self.start.get("commands") or ()]

    @cached_property
    def rounds(self) -> list[Event]:
        return [e for e in self.events if e["event"] == "round" and is_number(e.get("round"))]

    @property
    def round(self) -> int:
        """The last one that was logged; 0 for none."""
        return int(self.rounds[-1]["round"]) if self.rounds else 0

    @property
    def planned(self) -> int | None:
        """Rounds of the whole run."""
        said = [e["rounds"] for e in self.events if e["event"] in ("start", "plan") and is_number(e.get("rounds"))]
        return int(said[-1]) if said else None

    def curve(self, group: str, name: str) -> Curve:
        """Of a number in "losses", "notes" or "signs"."""
        found = [(e["round"], (e.get(group) or {}).get(name)) for e in self.rounds if isinstance(e.get(group), Mapping)]
        return [(int(at), float(x)) for at, x in found if is_number(x) and math.isfinite(x)]

    def names(self, group: str) -> list[str]:
        """Of the numbers in a group, in order of appearance."""
        return [*dict.fromkeys(name for e in self.rounds for name in (e.get(group) or ()))]

    def column(self, name: str) -> Curve:
        """Of a number of every logged round, such as seconds."""
        return [(int(e["round"]), float(e[name])) for e in self.rounds if is_number(e.get(name))]

    def scored(self, name: str) -> list[tuple[int, float, float]]:
        """Round, value and standard error of a score on the way; the error is nan where it is not known."""
        taken = [(e["round"], e["scores"][name]) for e in self.events if "round" in e and name in e.get("scores", ())]
        return [
            (int(at), float(s["value"]), float(s.get("uncertainty") or math.nan))
            for at, s in taken
            if is_number(s.get("value")) and math.isfinite(s["value"])
        ]

    def final(self, name: str) -> float | None:
        """A score of the end; else the last of the way."""
        for score in self.scores:
            if score.get("name") == name and is_number(score.get("value")) and math.isfinite(score["value"]):
                return float(score["value"])
        taken = self.scored(name)
        return taken[-1][1] if taken else None

    def again(self, *words: str) -> str:
        """The command that trains this run's recipe anew, with these words in place of what it has."""
        return " ".join([f"saddle train --config {quoted(self.path / 'recipe.yaml')} --run {self._new}", *words])

    def other(self, game: str, *words: str) -> str:
        """The command that trains another game on these data; on points by a network that draws points."""
        source = str(self.settings.get("data.source", "digits"))
        network = () if self.kind == "image" else ("--game.network MLP",)
        return " ".join([f"saddle train {game} --data {shlex.quote(source)} --run {self._new}", *network, *words])

    @property
    def _new(self) -> str:
        return quoted(self.path.with_name(f"{self.path.name}-2"))

    @property
    def kind(self) -> str:
        """Of its samples: image, points, signal, …; image where the log does not say."""
        drawn = [e["of"] for e in self.events if e["event"] == "sample" and isinstance(e.get("of"), str)]
        return drawn[-1] if drawn else "image"

    def with_rate(self, player: str, times: float) -> list[str]:
        """The command that trains anew with so many times a player's learning rate; nothing where there is none.

        The discriminator gets an optimizer of its own, for the generator's rate stays.
        """
        found = self.rate(player)
        if not found:
            return []
        own = "game.discriminator_optim Adam --game.discriminator_optim.lr"
        name = own if player == "discriminator" else found[0]
        return [self.again(f"--{name} {found[1] * times:.3g}")]

    def rate(self, player: str) -> tuple[str, float] | None:
        """The setting of a player's learning rate, and its value; None where the recipe has none."""
        for name in (f"game.{player}_optim.lr", "game.optim.lr"):
            if is_number(self.settings.get(name)):
                return name, float(self.settings[name])
        return None


def tail(curve: Curve) -> Curve:
    """The last third; at least three numbers, where there are so many."""
    return curve[-max(len(curve) // 3, LEAST) :]


def middle(curve: Curve) -> float:
    """The median; nan of nothing."""
    return median(x for _, x in curve) if curve else math.nan
