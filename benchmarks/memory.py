"""Peak memory of DCGAN-64 in a process of its own, Saddle's and the usual loop's in turns.

python -m benchmarks.memory usual|saddle FOLDER
"""

import subprocess
import sys
from pathlib import Path

from saddle.base.memory import most_taken

from . import photos
from .timing import Figure
from .trainings import dcgan64, rounds
from .usual_loop import usual_loop

ROUNDS = 3
TURNS = 2


def measure(folder: Path, seconds: float) -> dict[str, Figure]:
    """Megabytes, and Saddle's over the usual loop's; three rounds each, so `seconds` does not matter."""
    photos.write(folder / "photos.npy")
    peaks: dict[str, list[float]] = {"usual": [], "saddle": []}
    for turn in range(TURNS):
        for side in peaks:
            command = [sys.executable, "-m", "benchmarks.memory", side, str(folder / str(turn))]
            said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            peaks[side].append(float(said))
    ratios = [a / b for a, b in zip(peaks["saddle"], peaks["usual"], strict=True)]
    return {
        "dcgan64.peak_memory_megabytes": Figure.of(peaks["saddle"]),
        "dcgan64.peak_memory_megabytes_usual_loop": Figure.of(peaks["usual"]),
        "dcgan64.memory_ratio": Figure.of(ratios),
    }


def peak() -> float:
    """Megabytes of this process at most so far, on Linux."""
    taken = most_taken()
    assert taken is not None, "the system does not say"
    return taken / 1024**2


if __name__ == "__main__":
    side, folder = sys.argv[1], Path(sys.argv[2])
    data = folder.parent / "photos.npy"
    play = usual_loop(data) if side == "usual" else rounds(dcgan64(data, folder))
    for _ in range(ROUNDS):
        play()
    print(peak())
