"""Observers: objects of the user's that read what a training has logged, as it is logged. They cannot change it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..base.errors import Enough, UsageError

log = logging.getLogger(__name__)
Logged = Mapping[str, Any]  # an event of the log, at every depth a copy that cannot be changed
_ASKED = {"start": "on_start", "round": "on_round", "sample": "on_picture", "score": "on_score"}
_ASKED |= {"verdict": "on_verdict", "stop": "on_stop"}


class Observer:
    """An object that reads what is logged. A subclass overrides the methods for the events that it wants to read.

    The process that writes the log calls them, each after the event is written. `run` is the run's folder. An observer
    that raises is named in a warning and called no more, and the training goes on. `errors.Enough` saves and stops it
    after the round, unless it is the last; KeyboardInterrupt and SystemExit stop it at once.
    """

    def on_start(self, event: Logged, run: Path) -> None:
        """For each call for the run: round, the last one that counts, rounds, game, data, device, parameters."""

    def on_round(self, event: Logged, run: Path) -> None:
        """For a round that is logged: round, images, seconds, images_per_second, and losses, notes, signs by name."""

    def on_picture(self, event: Logged, run: Path) -> None:
        """For a picture that was drawn: round, and file, its path in the run's folder."""

    def on_score(self, event: Logged, run: Path) -> None:
        """For scores by name, each with value, uncertainty, better and fingerprint: round, and scores.

        The last ones, of the checkpoint that is kept, have final = True.
        """

    def on_verdict(self, event: Logged, run: Path) -> None:
        """For the doctor's verdict before the stop: message, healthy, and rules, the names of what was found."""

    def on_stop(self, event: Logged, run: Path) -> None:
        """For the end of the call: round, message, and reason: finished, interrupted, stopped, diverged, failed, …"""

    def close(self) -> None:
        """The call for the run is left, in whatever way, after anything else that it had to say."""


class Watched:
    """The observers of one training."""

    def __init__(self, observers: Sequence[Observer], run: Path):
        if wrong := [each for each in observers if not isinstance(each, Observer)]:
            raise UsageError(f"an observer is an object of a class made from saddle.Observer, not {wrong[0]!r}")
        self.observers, self.run = list(observers), run
        self.enough = ""  # why one of them wants the training stopped

    def tell(self, event: Mapping[str, Any]) -> None:
        """Pass what was logged to the observers, if they read events of this kind."""
        if event["event"] not in _ASKED or not self.observers:
            return
        self._ask(_ASKED[event["event"]], _frozen(event), self.run)

    def close(self) -> None:
        """Nothing more will be logged."""
        self._ask("close")

    def _ask(self, name: str, *about: Any) -> None:
        for observer in list(self.observers):
            try:
                getattr(observer, name)(*about)
            except Enough as enough:
                self.enough = str(enough) or f"the observer {type(observer).__name__} has seen enough"
            except Exception as error:
                self.observers.remove(observer)
                log.warning(
                    "the observer %s failed in %s (%s: %s); it is called no more, and the training goes on",
                    type(observer).__name__,
                    name,
                    type(error).__name__,
                    error,
                )
                log.debug("where the observer failed", exc_info=error)


def _frozen(value: Any) -> Any:
    """The same plain values, copied, in what cannot be changed."""
    if isinstance(value, Mapping):
        return MappingProxyType({name: _frozen(each) for name, each in value.items()})
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value
