"""How long a run is: progress as a function of the round, and rounds from minutes, measured and measured again."""

from dataclasses import fields, is_dataclass
from typing import Any

from ..losses import AdversarialLoss
from ..optim import Schedule
from .plan import Plan

MARKS = (0.04, 0.08, 0.12, 0.16)  # of progress: the pace is measured again after the first round at or beyond each,
LATEST = 0.2  # unless that is already later than this
NOISE = 1.1  # more rounds by less than this factor are no news: taking the largest of five estimates would go beyond


class Course:
    """Progress, from 0 to 1, over the rounds of a run, whose number a plan in minutes may raise.

    Progress is a straight line from the last `bend`, a pair (round, progress), to (end, 1). A raise puts a bend where
    the run is and moves the end away: the line is less steep from there on and still rises with every round. A run that
    is made longer by its owner keeps its end: up to there all goes on as it was planned, and from there on progress is
    1, so that schedules, stages and growth stay as they ended.
    """

    def __init__(self, plan: Plan):
        self.plan, self.rounds = plan, plan.fixed_rounds()
        self.bend = (0, 0.0)
        self._end: int | None = None  # where it is kept; else it is the last round
        self.mark = (0, 0.0)  # (round, seconds) of the last measurement
        self.may_rise = plan.limit is not None

    @property
    def end(self) -> int:
        """The round at which progress reaches 1."""
        assert self.rounds is not None, "the number of rounds is fixed before the first one"
        return self.rounds if self._end is None else self._end

    def progress(self, round_: int) -> float:
        """The share of the run that is over after `round_` rounds, from those of the last bend on."""
        since, share = self.bend
        return share + (1 - share) * (round_ - since) / (self.end - since) if round_ < self.end else 1.0

    def at_mark(self, round_: int) -> bool:
        """Is the pace to be measured after this round, later than the last bend? Only with a limit in minutes."""
        if not self.may_rise:
            return False
        before, now = self.progress(round_ - 1), self.progress(round_)
        return now <= LATEST and any(before < mark <= now for mark in MARKS)

    def pace(self, round_: int, seconds: float) -> float:
        """Seconds a round since the last measurement; `seconds` were spent in all rounds up to this one."""
        since, before = self.mark
        self.mark = (round_, seconds)
        return (seconds - before) / (round_ - since)

    def raise_rounds(self, round_: int, seconds: float, pace: float) -> bool:
        """Make the run longer if the plan has time for clearly more rounds at this pace; False if it has not."""
        assert self.rounds is not None
        rounds = self.plan.rounds_at(pace, round_, seconds)
        if rounds <= self.rounds or (rounds < NOISE * self.rounds and rounds != self.plan.wanted):
            return False
        self.bend, self.rounds = (round_, self.progress(round_)), rounds
        return True

    def lengthen(self, rounds: int) -> None:
        """Play so many rounds, no fewer than before; the end stays, and what is measured no longer changes it."""
        self._end, self.rounds, self.may_rise = self.end, rounds, False

    def facts(self) -> dict[str, Any]:
        """What a checkpoint has to remember of a run with a limit in minutes, or one that was made longer.

        Of others nothing but the rounds.
        """
        course = {"bend": self.bend, "mark": self.mark} | ({} if self._end is None else {"end": self._end})
        return {"course": course} if self.may_rise or "end" in course else {}

    def load(self, facts: dict[str, Any]) -> None:
        """As it was when `facts` were saved. Runs from before there were raises keep their rounds."""
        course = facts.get("course", {})
        self.rounds, self._end = facts["rounds"], course.get("end")
        self.may_rise = "course" in facts and self._end is None
        self.bend, self.mark = (tuple(course.get(name, (0, 0.0))) for name in ("bend", "mark"))


def moved(settings: Any, rounds: int, progress: float) -> bool:
    """Does any schedule or loss in these settings differ at this progress from what it was at progress 0?"""
    if isinstance(settings, Schedule):
        return settings(rounds, progress) != settings(rounds, 0.0)
    if isinstance(settings, AdversarialLoss) and settings.at(progress) != settings.at(0.0):
        return True
    parts = settings if isinstance(settings, tuple | list) else ()
    if is_dataclass(settings):
        parts = [getattr(settings, field.name) for field in fields(settings)]
    return any(moved(part, rounds, progress) for part in parts)
