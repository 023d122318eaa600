"""The state of a run for whoever watches: a live display in a terminal, plain lines elsewhere."""

import math
from collections.abc import Mapping
from time import monotonic
from types import TracebackType
from typing import Any, Self, SupportsFloat, TypeGuard

from rich import progress as rich_progress
from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ..base.errors import visible

LIVE_PAUSE, PLAIN_PAUSE = 0.1, 5.0  # seconds between two displays, at least

Values = Mapping[str, Any]
JUDGES = {"scores": "critic({})", "distance": "critic({})", "energies": "energy({})"}  # no probabilities


class Progress:
    """Shows a run of `total_rounds`, on standard error unless `console` says otherwise; close it by leaving `with`.

    Any number may be missing, None or not finite: what cannot be shown is left out or named. `judged` is what `d_real`
    and `d_fake` are: probabilities, scores, distance or energies. `after` is what comes after the rounds.
    """

    def __init__(
        self,
        total_rounds: int,
        batch_size: int,
        game_name: str,
        console: Console | None = None,
        judged: str | None = None,
        after: str = "",
    ) -> None:
        self.total_rounds, self.batch_size, self.game_name = total_rounds, batch_size, game_name
        self.judge, self.after = JUDGES.get(judged or "", "D({})"), after
        self.console = console or Console(stderr=True)
        self._live: Live | None = None
        self._state: _State | None = None
        self._shown: _State | None = None
        self._aside = ""
        self._when, self._began = -math.inf, monotonic()

    @property
    def is_live(self) -> bool:
        """Is there a display that is drawn anew again and again, at the lower end of the terminal?"""
        return self._live is not None

    def __enter__(self) -> Self:
        if self.console.is_terminal and not self.console.is_dumb_terminal:
            self._live = Live(console=self.console, auto_refresh=False)
            self._live.start()
        return self

    def update(
        self,
        round: int,
        images_per_second: float | None = None,
        losses: Values | None = None,
        notes: Values | None = None,
        seconds_left: float | None = None,
    ) -> None:
        """Take the news of `round`, and show it unless something was shown a moment ago.

        `losses` are named "player/loss". Of `notes`, `d_real` and `d_fake` are shown, or in their absence
        `real_logits` and `fake_logits`.
        """
        self._state, self._aside = _State(round, images_per_second, losses or {}, notes or {}, seconds_left), ""
        if monotonic() - self._when >= (LIVE_PAUSE if self._live else PLAIN_PAUSE):
            self._show()

    def played(self, round: int, images_per_second: float, seconds_left: float) -> None:
        """Take the news of a round without losses; they only show, with the last losses, after a long silence."""
        if self._silent_for_long():
            losses, notes = (self._state.losses, self._state.notes) if self._state else ({}, {})
            self.update(round, images_per_second, losses, notes, seconds_left)

    def now(self, doing: str) -> None:
        """Between two rounds something else is done; it shows if that takes long."""
        self._aside = doing
        if not self._silent_for_long():
            return
        if self._live and self._state:
            self._show()
        else:
            self._when = monotonic()
            self.say(doing)

    def _silent_for_long(self) -> bool:
        return monotonic() - max(self._when, self._began) >= PLAIN_PAUSE

    def say(self, message: str) -> None:
        """Print `message` on a line of its own, above the live display."""
        self.console.print(Text(visible(message)), soft_wrap=True)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._state is not self._shown:
            self._show()
        if self._live:
            self._live.stop()
            self._live = None

    def _show(self) -> None:
        if self._state is None:
            return
        self._shown, self._when = self._state, monotonic()
        if self._live:
            self._live.update(self._display(self._state), refresh=True)
        else:
            self.say(self._line(self._state))

    def _line(self, state: "_State") -> str:
        parts = [f"{self.game_name}  {self._place(state)}", *state.pace(self.after)]
        parts += [
            f"{player}: " + ", ".join(f"{name} {number(value)}" for name, value in values.items())
            for player, values in by_player(state.losses).items()
        ]
        return "  ".join([*parts, *state.judgement(self.judge)])

    def _display(self, state: "_State") -> RenderableType:
        head = Text.assemble((self.game_name, "bold"), "  ", self._place(state))
        head.append(f"  {_counted(state.round * self.batch_size)} images", "dim")
        pace = Table.grid(padding=(0, 2), expand=True)
        pace.add_column(ratio=1)
        pace.add_column(no_wrap=True)
        bar = ProgressBar(
            total=max(self.total_rounds, 1), completed=state.round, complete_style="cyan", finished_style="cyan"
        )
        pace.add_row(bar, Text("  ".join(state.pace(self.after))))
        table = Table.grid(padding=(0, 2))
        table.add_column(style="dim", no_wrap=True)
        table.add_column()
        for player, values in by_player(state.losses).items():
            table.add_row(Text(player), _side_by_side([f"{name} {number(value)}" for name, value in values.items()]))
        if judgement := state.judgement(self.judge):
            table.add_row("mean", _side_by_side(judgement))
        if self._aside:
            table.add_row("now", Text(visible(self._aside)))
        return Group(head, pace, table)

    def _place(self, state: "_State") -> str:
        share = state.round / self.total_rounds if self.total_rounds > 0 else 1.0
        return f"round {state.round:,} of {self.total_rounds:,} ({share:.1%})"


class _State:
    """The news of one round."""

    def __init__(self, round: int, speed: float | None, losses: Values, notes: Values, left: float | None) -> None:
        self.round, self.speed, self.left = round, speed, left
        self.losses, self.notes = dict(losses), dict(notes)

    def pace(self, after: str) -> list[str]:
        speed = [f"{_counted(float(self.speed))} images/s"] if _finite(self.speed) else []
        left = [f"{duration(float(self.left))} left{after}"] if _finite(self.left) else []
        return speed + left

    def judgement(self, judge: str) -> list[str]:
        """The discriminator's output for real and for fake samples, on average."""
        judge = JUDGES["distance"] if "distance" in self.notes else judge  # a distance is one of scores
        names = {"d_real": judge.format("real"), "d_fake": judge.format("fake")}
        if not names.keys() & self.notes.keys():
            names = {"real_logits": "real logits", "fake_logits": "fake logits"}
        return [f"{title} {number(self.notes[name])}" for name, title in names.items() if name in self.notes]


class Count:
    """How much of some long work is done: a bar in a terminal, gone when the work is; elsewhere a line now and then."""

    def __init__(self, what: str, total: int, console: Console, first: bool = True) -> None:
        """`first` says whether a plain line is due at the beginning."""
        self.what, self.total, self.console, self.first = what, total, console, first
        self._bar: rich_progress.Progress | None = None
        self._began = self._when = monotonic()

    def __enter__(self) -> Self:
        if self.total and self.console.is_terminal and not self.console.is_dumb_terminal:
            name = rich_progress.TextColumn("{task.description}", markup=False)
            counts = rich_progress.MofNCompleteColumn(), rich_progress.TimeRemainingColumn()
            columns = (name, rich_progress.BarColumn(), *counts)
            self._bar = rich_progress.Progress(*columns, console=self.console, auto_refresh=False, transient=True)
            self._task = self._bar.add_task(visible(self.what), total=self.total)
            self._bar.start()
        elif self.first:
            self._print(0)
        return self

    def update(self, done: int) -> None:
        if monotonic() - self._when < (LIVE_PAUSE if self._bar else PLAIN_PAUSE):
            return
        self._when = monotonic()
        if self._bar:
            self._bar.update(self._task, completed=done, refresh=True)
        else:
            self._print(done)

    def __exit__(self, *error: object) -> None:
        if self._bar:
            self._bar.stop()

    def _print(self, done: int) -> None:
        self.console.print(Text(visible(self._line(done))), soft_wrap=True)

    def _line(self, done: int) -> str:
        if not self.total:
            return self.what
        left = (monotonic() - self._began) * (self.total - done) / done if done else math.nan
        return f"{self.what}: {done:,} of {self.total:,}" + (f", {duration(left)} left" if done else "")


def by_player(losses: Values) -> dict[str, dict[str, Any]]:
    """{"player": {"loss": value}} of {"player/loss": value}; a name without a player is under "loss"."""
    players: dict[str, dict[str, Any]] = {}
    for key, value in losses.items():
        player, slash, name = key.partition("/")
        players.setdefault(player if slash else "loss", {})[name if slash else player] = value
    return players


def number(value: Any) -> str:
    """A number to read: about four digits; "–" for what is none."""
    try:
        x = float(value)
    except (TypeError, ValueError):
        return "–"
    if not math.isfinite(x) or x == 0:
        return f"{x:g}"
    size = abs(x)
    if not 1e-3 <= size < 1e6:
        return f"{x:.2e}"
    return f"{x:,.0f}" if size >= 1000 else f"{x:.{3 if size < 10 else 2 if size < 100 else 1}f}"


def duration(seconds: float) -> str:
    """A time span to read, in its two largest units: 2 d 3 h, 5 min 04 s."""
    if not math.isfinite(seconds):
        return "–"
    whole = max(0, round(seconds))
    for unit, length, small, part, width in (("d", 86400, "h", 3600, 1), ("h", 3600, "min", 60, 2)):
        if whole >= length:
            return f"{whole // length} {unit} {whole % length // part:0{width}d} {small}"
    return f"{whole // 60} min {whole % 60:02d} s" if whole >= 60 else f"{whole} s"


def _side_by_side(parts: list[str]) -> RenderableType:
    """As many parts a line as fit, none of them broken."""
    return Columns([Text(part, no_wrap=True) for part in parts], padding=(0, 3))


def _counted(x: Any) -> str:
    return f"{x:,.0f}" if abs(x) >= 10 else f"{x:.2g}"


def _finite(x: Any) -> TypeGuard[SupportsFloat]:
    try:
        return math.isfinite(float(x))
    except (TypeError, ValueError):
        return False
