"""A run that is made longer by a command: how many rounds it has now, or why it cannot be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from ..base.errors import UsageError
from ..base.files import quoted
from ..base.folder import RunFolder
from ..training.plan import FOR_ROUNDS, LENGTH, Plan
from ..training.trainer import Trainer
from .recipe import Recipe

SLOW = 0.5  # of a learning rate


@dataclass(frozen=True)
class Longer:
    """What was decided."""

    said: str  # in a sentence
    pace: float | None  # seconds a round, where it had to be measured


def lengthen(trainer: Trainer, before: Plan, seconds: float, folder: Path) -> Longer | None:
    """Have the trainer, at a checkpoint, play on to the end of its plan; None where that is the plan it had `before`.

    `seconds` were spent in rounds so far. UsageError, with what is possible, for a run that would become shorter, and
    for one whose learning rate has come to 0. All processes decide alike.
    """
    plan, planned = trainer.plan, trainer.rounds
    assert planned is not None
    if plan == plan.as_long_as(before) and plan.fixed_rounds() in (None, planned):
        return None
    _check_time(plan, seconds)
    pace = None if plan.limit is None else trainer.measure_pace()
    rounds = plan.fixed_rounds() or plan.rounds_at(pace or 0.0, trainer.round, seconds)
    if rounds < planned:
        raise UsageError(_too_short(trainer, rounds, seconds, pace, folder))
    if rounds > planned:
        _check_rates(trainer, rounds, folder)
    trainer.course.lengthen(rounds)
    if rounds == planned:
        return Longer(f"{_asked(plan)}: it stays with the {rounds:,} rounds that were planned", pace)
    at = "" if pace is None else f" at {pace:.3g} s a round"
    return Longer(
        f"{_asked(plan)}: {rounds:,} rounds{at}, where {planned:,} were planned; schedules and stages end with round "
        f"{trainer.course.end:,} and then stay as they are{_slower(trainer)}",
        pace,
    )


def _slower(trainer: Trainer) -> str:
    """A warning where learning rates have fallen by half or more: what is added then learns little."""
    optims = [trainer.game.optim(name) for name in trainer.optims]
    share = min(optim.at(trainer.course.end, 1.0)["lr"] / (optim.at(0, 0.0)["lr"] or 1.0) for optim in optims)
    if share > SLOW:
        return ""
    return (
        f": learning rates at {share:.2g} of their beginning. A new run of this length, in another --run, learns more"
    )


def _check_time(plan: Plan, seconds: float) -> None:
    if plan.limit is not None and 60 * FOR_ROUNDS * plan.limit <= seconds:
        raise UsageError(
            f"{_asked(plan)}: that time is over. It counts the whole run, a tenth of it for pictures and scores, and "
            f"{seconds / 60:.2g} minutes were spent in rounds; name more than {_minutes(seconds):g}"
        )


def _check_rates(trainer: Trainer, rounds: int, folder: Path) -> None:
    """A rate that has come to 0 would stay there."""
    if not (names := trainer.at_rest()):
        return
    settings = [name.removesuffix(".lr") for name in trainer.rates(names)]
    raise UsageError(
        f"the learning rate of {' and '.join(names)} is 0 from round {trainer.course.end:,} on, where the plan of "
        f"{folder} ends: further rounds would change nothing. Begin a new run with its weights: saddle train "
        f"--from {quoted(folder)} --run NEW --plan.rounds {rounds - trainer.round}. Its schedule begins anew. For "
        f"a rate that stays add {' '.join(f'--{name}.schedule Constant' for name in settings)}; for another rate add "
        f"{' '.join(f'--{name}.lr RATE' for name in settings)}"
    )


def _too_short(trainer: Trainer, rounds: int, seconds: float, pace: float | None, folder: Path) -> str:
    planned, plan = trainer.rounds or 0, trainer.plan
    means = f" has time for {rounds:,} rounds at {pace:.3g} s a round" if pace else f" means {rounds:,} rounds"
    means = "" if rounds == plan.rounds else means
    least = f"{planned:,} rounds"
    if pace and rounds != plan.wanted:
        least = f"{_minutes(seconds + (planned - trainer.round) * pace):g} minutes"
    file = RunFolder(folder).recipe
    written = Recipe.read(file).plan == plan  # and given by no option
    where = f"{file} has " if written else ""
    instead = " there" if written else ", leave the length out to play what is planned"
    return (
        f"{where}{_asked(plan)}{means}: this run is planned for {planned:,} rounds, of which {trainer.round:,} are "
        f"played, and a run never becomes shorter. Name at least {least}{instead}, or "
        "choose another --run"
    )


def _minutes(seconds: float) -> float:
    """So long a limit has time for so many seconds of rounds, rounded up."""
    minutes = seconds / 60 / FOR_ROUNDS
    digits = 10 ** (1 - math.floor(math.log10(max(minutes, 1e-9))))
    return math.ceil(minutes * digits) / digits


def _asked(plan: Plan) -> str:
    """'plan.rounds 12,000'"""
    given = {name: getattr(plan, name) for name in LENGTH if getattr(plan, name) is not None}
    words = (f"plan.{name} {format(value, ',' if isinstance(value, int) else 'g')}" for name, value in given.items())
    return " and ".join(words) or "a plan without a budget"
