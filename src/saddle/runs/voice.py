"""What a training says to whoever watches: sentences, and a live line of how the rounds go."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..show.progress import Progress


class Voice:
    """Speaks for one process of a training; a quiet one says nothing."""

    def __init__(self, quiet: bool = False):
        self.quiet = quiet
        self._live: Progress | None = None

    def say(self, message: str) -> None:
        """A line of its own, above the live one."""
        if not self.quiet:
            (self._live.say if self._live else print)(message)

    @contextmanager
    def playing(self, rounds: int, batch: int, game: str) -> Iterator[None]:
        """Inside, `news` are shown."""
        if self.quiet:
            yield
            return
        with Progress(rounds, batch, game) as self._live:
            try:
                yield
            finally:
                self._live = None

    def news(self, round_: int, speed: float, seconds_left: float, values: dict[str, dict[str, Any]]) -> None:
        """Of a round: images a second, and `losses` and `notes` as the log has them."""
        if self._live:
            self._live.update(round_, speed, values["losses"], values["notes"], seconds_left)

    def longer(self, rounds: int) -> None:
        """The run has so many rounds now."""
        if self._live:
            self._live.total_rounds = rounds
