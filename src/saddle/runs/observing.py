"""Observers: objects of the user's that read what a training has logged, as it is logged. They cannot change it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..base.errors import UsageError

log = logging.getLogger(__name__)
Logged = Mapping[str, Any]  # an event of the log, at every depth a copy that cannot be changed
_ASKED = {"round": "on_round", "sample": "on_picture", "score": "on_score"}


class Observer:
    """An object that reads what is logged. A subclass overrides the methods for the events that it wants to read.

    The process that writes the log calls them, each after the event is written. `run` is the run's folder. An observer
    that raises is named in a warning and called no more, and the training goes on; only KeyboardInterrupt and
    SystemExit stop it.
    """

    def on_round(self, event: Logged, run: Path) -> None:
        """For a round that is logged: round, images, seconds, images_per_second, and losses and notes by name."""

    def on_picture(self, event: Logged, run: Path) -> None:
        """For a picture that was drawn: round, and file, its path in the run's folder."""

    def on_score(self, event: Logged, run: Path) -> None:
        """For scores by name, each with value, uncertainty, better and fingerprint: round, and scores.

        The last ones, of the checkpoint that is kept, have final = True.
        """


class Watched:
    """The observers of one training."""

    def __init__(self, observers: Sequence[Observer], run: Path):
        if wrong := [each for each in observers if not isinstance(each, Observer)]:
            raise UsageError(f"an observer is an object of a class made from saddle.Observer, not {wrong[0]!r}")
        self.observers, self.run = list(observers), run

    def tell(self, event: Mapping[str, Any]) -> None:
        """Pass what was logged to the observers, if they read events of this kind."""
        if event["event"] not in _ASKED or not self.observers:
            return
        name, frozen = _ASKED[event["event"]], _frozen(event)
        for observer in list(self.observers):
            try:
                getattr(observer, name)(frozen, self.run)
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
