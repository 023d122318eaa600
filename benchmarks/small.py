"""The trainer's fixed cost where rounds are short: a half-width DCGAN on digits, and an MLP on points in the plane."""

from pathlib import Path

from .bare_loop import bare_loop
from .dcgan64 import percent
from .timing import Figure, interleave
from .trainings import open_training, repeated, rounds

GAMES = {"digits": ("dcgan", "digits", 5), "ring": ("gan", "ring", 25)}  # game, source, rounds at a time


def measure(folder: Path, seconds: float) -> dict[str, Figure]:
    """Overhead in percent of the bare loop, and in microseconds a round."""
    found: dict[str, Figure] = {}
    for name, (game, source, count) in GAMES.items():
        training = open_training(game, source, folder / name)
        programs = {
            "saddle": rounds(training, count),
            "bare": repeated(bare_loop(training), count),
        }
        times = interleave(programs, seconds / len(GAMES))
        pairs = zip(times.seconds["saddle"], times.seconds["bare"], strict=True)
        found[f"trainer.overhead_small.{name}"] = percent(times.ratio("saddle", "bare"))
        found[f"trainer.overhead_small.{name}_us"] = Figure.of([1e6 * (a - b) / count for a, b in pairs])
    return found
