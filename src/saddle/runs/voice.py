"""What a training says to whoever watches: sentences, and a live line of how the rounds go."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from os import write
from time import monotonic
from typing import IO, TYPE_CHECKING, Any, cast

from ..base import telling
from ..base.errors import visible
from ..show.outlet import Outlet

if TYPE_CHECKING:  # loaded when it is needed: the first sentence is to come at once
    from rich.console import Console

    from ..show.progress import Count, Progress

_said = logging.getLogger("saddle.said")


class Voice:
    """Speaks for one process of a training; a quiet one says nothing.

    What it says is logged too, as `saddle.said`, for a program whose `logging` asks for INFO.
    Speaking never fails. What cannot be said, since the reader has gone or the disk is full, is dropped, and so is all
    that comes after it on the same stream.
    """

    def __init__(self, quiet: bool = False):
        self.quiet = quiet
        self.is_logged = _said.isEnabledFor(logging.INFO)  # by the program, not by `listening`
        self.lines, self.display = Outlet(sys.stdout), Outlet(sys.stderr)
        self._live: Progress | None = None
        self._count: Count | None = None
        self._said = 0.0  # when the last line was

    def say(self, *messages: str) -> None:
        """A line for each, above the live one."""
        if self.is_logged:
            for message in messages:
                _said.info("%s", message)
        if self.quiet:
            return
        with self._safely():
            self._end_count()
            for message in messages:
                if self._live:
                    self._live.say(message)
                else:
                    print(visible(message), file=self.lines, flush=True)
                self._said = monotonic()

    def at_once(self, message: str) -> None:
        """Say it from within the handler of a signal, where the streams may be busy: in one write, past them.

        It takes the last line of a live display, whose next state comes over it, and shows the cursor again: whoever
        leaves at once would leave without one.
        """
        if self.quiet:
            return
        live = self._live is not None and self._live.is_live
        text = f"\r\x1b[K\x1b[?25h{message}" if live else f"saddle: {message}\n"
        with suppress(Exception):
            write(self.display.fileno(), text.encode())
            return
        self.display.write(text)  # a stream without a file, as in a notebook

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Inside, long work says what it does, and the log of this library is said: `telling` and `logging`."""
        log, handler = logging.getLogger("saddle"), _Said(self.say)
        level = log.level
        if not self.quiet:  # else warnings go where those of any library go
            log.addHandler(handler)
        log.setLevel(logging.INFO if log.getEffectiveLevel() > logging.INFO else level)
        try:
            with telling.heard(self.now):
                yield
        finally:
            log.removeHandler(handler)
            log.setLevel(level)
            with self._safely():
                self._end_count()

    def now(self, what: str, done: int = 0, total: int = 0) -> None:
        """What is done now, and how much of it is. Between rounds it is only said if it takes long."""
        if self.quiet:
            return
        with self._safely():
            if self._live:
                self._live.now(f"{what}: {done:,} of {total:,}" if total else what)
                return
            if self._count is None or self._count.what != what:
                self._end_count()
                self._count = self._new_count(what, total)
            self._count.update(done)
            if total and done == total:
                self._end_count()

    @contextmanager
    def playing(self, rounds: int, batch: int, game: str, judged: str | None = None, after: str = "") -> Iterator[None]:
        """Inside, `news` are shown, with what `judged` and `after` are for a `Progress`."""
        with ExitStack() as stack:
            if not self.quiet:
                with self._safely():
                    from ..show.progress import Progress

                    self._end_count()
                    self._live = Progress(rounds, batch, game, self._console(), judged, after)
                    self._live.__enter__()
                stack.callback(self._stop)
            yield

    def news(self, round_: int, speed: float, seconds_left: float, values: dict[str, dict[str, Any]]) -> None:
        """Of a round: images a second, and `losses` and `notes` as the log has them."""
        if self._live:
            with self._safely():
                self._live.update(round_, speed, values["losses"], values["notes"], seconds_left)

    def played(self, round_: int, pace: Sequence[float]) -> None:
        """A round is over, the last of those that took `pace` seconds each; said only where nothing was for long."""
        if self._live:
            with self._safely():
                mean = max(sum(pace) / len(pace), 1e-9)
                left = (self._live.total_rounds - round_) * mean
                self._live.played(round_, self._live.batch_size / mean, left)

    def longer(self, rounds: int) -> None:
        """The run has so many rounds now."""
        if self._live:
            self._live.total_rounds = rounds

    def _console(self) -> Console:
        from rich.console import Console

        return Console(file=cast(IO[str], self.display))

    def _new_count(self, what: str, total: int) -> Count:
        from ..show.progress import Count

        return Count(what, total, self._console(), first=monotonic() - self._said > 1).__enter__()

    def _end_count(self) -> None:
        count, self._count = self._count, None
        if count:
            count.__exit__()

    def _stop(self) -> None:
        live, self._live = self._live, None
        if live:
            with self._safely():
                live.__exit__(None, None, None)

    @contextmanager
    def _safely(self) -> Iterator[None]:
        """Inside, what goes wrong makes the voice a quiet one."""
        try:
            yield
        except Exception:  # the outlets do not fail; what may is the display, in a terminal or notebook of any kind
            self.quiet = True
            self._live = self._count = None


class _Said(logging.Handler):
    """What is logged is said."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self.say = say

    def emit(self, record: logging.LogRecord) -> None:
        if record.name != _said.name:
            self.say(record.getMessage())
