"""What signs of health add to a round: rounds that are measured against rounds that are not, in one training.

Seconds of the processor, whatever clock was asked for: what is to be found is a hundredth, and other work moves the
clock by more.
"""

from collections.abc import Callable
from pathlib import Path

from saddle.runs.session import Training

from .timing import Figure, interleave
from .trainings import open_training, repeated

GAMES = {  # game, source, rounds at a time: those before one that is measured have put other things into the caches
    "digits": ("dcgan", "digits", 1),
    "ring": ("gan", "ring", 5),
    "translation": ("pix2pix", "scenes", 1),
}


def measure(folder: Path, seconds: float) -> dict[str, Figure]:
    """Time of a training with signs over that of one without them."""
    found: dict[str, Figure] = {}
    for name, (game, source, count) in GAMES.items():
        training = open_training(game, source, folder / name)
        without = repeated(training.trainer.play_round, count)
        times = interleave({"with": measured(training, count), "without": without}, seconds / len(GAMES))
        found[f"signs.price.{name}"] = spread_over(
            times.ratio("with", "without", processor=True), count, training.signs.every
        )
    return found


def measured(training: Training, count: int) -> Callable[[], None]:
    """A function that plays `count` rounds, and measures the last one."""
    trainer = training.trainer

    def play() -> None:
        for k in range(count):
            trainer.steps.on = k == count - 1
            trainer.play_round()
        trainer.steps.on = False
        training.signs.measure()

    return play


def spread_over(ratio: Figure, count: int, every: int) -> Figure:
    """The ratio where not one of `count` rounds is measured, but one of `every`."""
    return Figure(*(1 + (x - 1) * count / every for x in (ratio.value, ratio.low, ratio.high)))
