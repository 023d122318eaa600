"""The data stream alone, against what training takes from it."""

from pathlib import Path

from . import photos
from .sessions import dcgan64, rounds
from .timing import Figure, interleave

BATCHES = 20


def measure(folder: Path, seconds: float) -> dict[str, Figure]:
    """Images per second of the stream, ready for the first layer, over those of training."""
    session = dcgan64(photos.write(folder / "photos.npy"), folder / "run")
    hand = session.trainer.deal()[0]

    def draw() -> None:
        for _ in range(BATCHES):
            next(hand)

    times = interleave({"stream": draw, "training": rounds(session)}, seconds)
    ratio = times.ratio("training", "stream")
    return {"stream.times_training": Figure(*(BATCHES * x for x in (ratio.value, ratio.low, ratio.high)))}
