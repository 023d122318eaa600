"""The data stream alone, against what training takes from it."""

from pathlib import Path

from . import photos
from .timing import Figure, interleave
from .trainings import dcgan64, rounds

BATCHES = 20


def measure(folder: Path, seconds: float) -> dict[str, Figure]:
    """Images per second of the stream, ready for the first layer, over those of training."""
    training = dcgan64(photos.write(folder / "photos.npy"), folder / "run")
    hand = training.trainer.deal()[0]

    def draw() -> None:
        for _ in range(BATCHES):
            next(hand)

    times = interleave({"stream": draw, "training": rounds(training)}, seconds)
    ratio = times.ratio("training", "stream")
    return {"stream.times_training": Figure(*(BATCHES * x for x in (ratio.value, ratio.low, ratio.high)))}
