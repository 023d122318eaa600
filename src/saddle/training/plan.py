"""How long and how to train, whatever the game."""

from dataclasses import dataclass, replace
from typing import Annotated, Literal

from ..base.errors import UsageError
from ..base.precision import Precision
from ..base.ranges import NonNegativeInt, PositiveFloat, above, at_most, between
from ..base.settings import Settings
from ..metrics.names import check

MOST_SAMPLES = 10_000_000  # that are scored; all of them lie in memory
Many = Annotated[int, between(1, 10**15)]
Minutes = Annotated[float, above(0), at_most(10**7)]
BUDGETS = ("rounds", "images", "minutes")
LENGTH = (*BUDGETS, "at_most")  # what says how long a run is
FOR_ROUNDS = 0.9  # share of the minutes; the rest is for pictures and scores


@dataclass(frozen=True)
class Plan(Settings):
    """The budget is one of `rounds`, `images` and `minutes`; without any it is 100,000 rounds.

    An image counts once a round: images = rounds · batch, however many batches a round draws. With `minutes`, or with
    `at_most` beside a budget of another kind, the pace is measured first, and again in the first fifth of the run.
    """

    rounds: Many | None = None  # rounds to play
    images: Many | None = None  # or images: rounds · batch
    minutes: Minutes | None = None  # or minutes: as many rounds as the measured pace has time for
    at_most: Minutes | None = None  # minutes: fewer rounds or images than wanted where they would take longer
    batch: Many = 64  # samples in a batch, over all processes and micro-batches
    micro_batches: Many = 1  # parts that a batch is divided into, to save memory
    seed: Annotated[int, between(0, 2**64 - 1)] = 0  # of weights, data order and noise
    precision: Precision = "auto"  # auto, bf16, fp32 or fp64; auto is bf16 for images where the device is good at it
    compile: bool = False  # torch.compile the players; penalties step out by themselves
    channels_last: bool | None = None  # memory layout of image networks; none: the faster one for their layers
    deterministic: bool = True  # on a GPU: only kernels that give the same bits every time
    ema_images: PositiveFloat = 10_000.0
    """half-life of the averaged weights, in images; 1e-6: samples are of the weights alone"""
    ema_ramp: PositiveFloat | None = 0.05  # the half-life is at most this share of the images so far; none: no ramp
    log_every: Many = 25  # rounds between two log lines
    pictures: NonNegativeInt = 24  # sample grids over the whole run
    scores: NonNegativeInt = 8  # scorings, denser early in the run, where the data have a metric of their own
    metrics: tuple[str, ...] = ()  # scored on the way, as fid,swd; the first chooses the best; none: those of the data
    samples: Annotated[int, between(2, MOST_SAMPLES)] | None = None
    """that the final scores look at; none: 2,000, and 26,000 of stacked digits"""
    doctor: Literal["note", "stop"] = "note"  # stop a run that has collapsed, vanished or grown without bound, or tell
    save_every: Many | None = None  # rounds between two checkpoints; none: every two minutes

    def __post_init__(self) -> None:
        super().__post_init__()
        given = [name for name in BUDGETS if getattr(self, name) is not None]
        if len(given) > 1:
            raise UsageError(f"a plan has one budget, not {' and '.join(given)}")
        if self.minutes is not None and self.at_most is not None:
            raise UsageError("plan.minutes is a limit already; plan.at_most goes with plan.rounds or plan.images")
        try:
            check(self.metrics)
        except UsageError as error:
            raise UsageError(f"plan.metrics: {error}") from None

    def as_long_as(self, other: "Plan") -> "Plan":
        """This plan with the length of another."""
        return replace(self, **{name: getattr(other, name) for name in LENGTH})

    @property
    def limit(self) -> float | None:
        """The minutes that the run may take; None: as long as its rounds take."""
        return self.minutes if self.minutes is not None else self.at_most

    @property
    def wanted(self) -> int | None:
        """The number of rounds that is asked for; None: as many as the minutes have time for."""
        if self.minutes is not None:
            return None
        if self.images is not None:
            return max(1, round(self.images / self.batch))
        return self.rounds if self.rounds is not None else 100_000

    def fixed_rounds(self) -> int | None:
        """The number of rounds; None if the pace has to be measured first."""
        return self.wanted if self.limit is None else None

    def rounds_at(self, pace: float, played: int = 0, seconds: float = 0.0) -> int:
        """How many rounds the limit has time for, if `played` took `seconds` and each further one takes `pace` seconds.

        At least 1 and never more than are wanted.
        """
        assert self.limit is not None
        rounds = max(1, played + int((60 * self.limit * FOR_ROUNDS - seconds) / pace))
        return rounds if self.wanted is None else min(rounds, self.wanted)

    def describe_rounds(self, rounds: int, pace: float) -> str:
        """One line about a number of rounds that follows from the pace, in seconds a round."""
        at = f"at {pace:.3g} s a round"
        if rounds == self.wanted:
            return f"{rounds:,} rounds take about {rounds * pace / 60:.2g} minutes {at}, of at most {self.limit:g}"
        of = f" of the {self.wanted:,} wanted" if self.wanted else ""
        return (
            f"{rounds:,} rounds{of} are planned for {self.limit:g} minutes, {at}; there may be more if the first ones "
            "take less"
        )
