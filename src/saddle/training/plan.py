"""How long and how to train, whatever the game."""

from dataclasses import dataclass

from ..base.errors import UsageError
from ..base.precision import Precision


@dataclass(frozen=True)
class Plan:
    """The budget is one of `rounds`, `images` and `minutes`; without any it is 100,000 rounds.

    An image counts once a round: images = rounds · batch, however many batches a round draws.
    """

    rounds: int | None = None  # rounds to play
    images: int | None = None  # or images: rounds · batch
    minutes: float | None = None  # or minutes: the pace is measured first, then the number of rounds is fixed
    batch: int = 64  # samples in a batch, over all processes and micro-batches
    micro_batches: int = 1  # parts that a batch is divided into, to save memory
    seed: int = 0  # of weights, data order and noise
    precision: Precision = "auto"  # auto, bf16, fp32 or fp64; auto is bf16 for images where the device is good at it
    compile: bool = False  # torch.compile the players; penalties step out by themselves
    channels_last: bool = True  # memory layout of image networks
    deterministic: bool = True  # on a GPU: only kernels that give the same bits every time
    ema_images: float = 10_000.0  # half-life of the averaged weights, in images
    ema_ramp: float | None = 0.05  # the half-life is at most this share of the images so far; none: no ramp
    log_every: int = 25  # rounds between two log lines
    pictures: int = 24  # sample grids over the whole run
    scores: int = 8  # scorings, denser early in the run, where the data have a metric of their own
    samples: int | None = None  # that the final scores look at; none: 2,000, and 26,000 of stacked digits
    save_every: int | None = None  # rounds between two checkpoints; none: every two minutes

    def __post_init__(self) -> None:
        given = {name: getattr(self, name) for name in ("rounds", "images", "minutes")}
        given = {name: value for name, value in given.items() if value is not None}
        if len(given) > 1:
            raise UsageError(f"a plan has one budget, not {' and '.join(given)}")
        positive = given | {n: getattr(self, n) for n in ("batch", "micro_batches", "log_every", "ema_images")}
        for name, value in (positive | {"save_every": self.save_every or 1}).items():
            if not value > 0:
                raise UsageError(f"plan.{name} is greater than 0, not {value}")
        if self.samples is not None and self.samples < 2:
            raise UsageError(f"scores are of at least 2 samples, and plan.samples is {self.samples}")
        if self.pictures < 0 or self.scores < 0:
            raise UsageError("plan.pictures and plan.scores are at least 0")

    def fixed_rounds(self) -> int | None:
        """The number of rounds; None if the pace has to be measured first."""
        if self.minutes is not None:
            return None
        if self.images is not None:
            return max(1, round(self.images / self.batch))
        return self.rounds if self.rounds is not None else 100_000
