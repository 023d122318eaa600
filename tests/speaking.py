"""Commands whose readers are gone: run by test_output.py as `python speaking.py FOLDER`. Prints one JSON object.

One process that has imported everything starts the others by forking.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import sklearn.datasets
import torch
import torch._dynamo

import saddle.games.wgan_gp
import saddle.runs.session
from saddle.cli import main

SETTINGS = ["--game.network.width=8", "--game.discriminator_steps=1", "--plan.batch=4", "--plan.precision=fp32"]
SETTINGS += ["--plan.log_every=1", "--plan.pictures=1", "--plan.scores=1", "--plan.samples=50"]
TRAIN = ["train", "wgan-gp", "--data", "ring", "--device", "cpu", "--plan.rounds", "4", *SETTINGS]


def both(descriptor: int) -> None:
    for number in (1, 2):
        os.dup2(descriptor, number)


def gone() -> None:
    """As `2>&1 | true`."""
    reader, writer = os.pipe()
    os.close(reader)
    both(writer)


def full() -> None:
    both(os.open("/dev/full", os.O_WRONLY))


def closed() -> None:
    """As `>&- 2>&-`."""
    os.close(1)
    os.close(2)


def hung_up() -> None:
    """A terminal that is closed: writing to it is an error of its own."""
    ours, theirs = os.openpty()
    both(theirs)
    os.close(theirs)
    sys.stdout, sys.stderr = (os.fdopen(number, "w") for number in (1, 2))
    assert sys.stderr.isatty()
    at_first = saddle.runs.session.Training.play

    def play(self: saddle.runs.session.Training) -> None:
        """Hang up in the middle of the display."""
        if ours in still_open:
            os.close(still_open.pop())
        at_first(self)

    still_open = [ours]
    saddle.runs.session.Training.play = play


def after_one_line() -> None:
    """As `2>&1 | head -1`."""
    reader, writer = os.pipe()
    both(writer)
    os.close(writer)
    if not os.fork():
        with os.fdopen(reader) as lines:
            lines.readline()
        os._exit(0)
    os.close(reader)


def child(argv: list[str], prepare: Callable[[], None], told: Path) -> int:
    """Its exit code, or minus the signal. What it says though it should not goes to the file `told`."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.dup2(os.open(told, os.O_WRONLY | os.O_CREAT), 2)
    torch.set_num_threads(1)
    os.environ["TERM"] = "xterm"
    prepare()
    if prepare is closed:
        sys.stdout = sys.stderr = None  # as Python has them then
    else:
        sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
    os._exit(main(argv) or unwritten())


def unwritten() -> int:
    """What Python makes of a good end whose last words it cannot write; all else that it does at its end takes long."""
    try:
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()
    except (OSError, ValueError):
        return 120
    return 0


def run(folder: Path) -> None:
    codes = {}
    for prepare in (after_one_line, full, closed, hung_up):
        name = prepare.__name__
        codes[name] = child([*TRAIN, "--run", str(folder / name)], prepare, folder / f"{name}.txt")
    codes["mistake"] = child(["train", "no-game"], gone, folder / "mistake.txt")
    codes["mistake, closed"] = child(["train", "no-game"], closed, folder / "mistake.txt")
    codes["list"] = child(["list"], gone, folder / "list.txt")
    codes["list, full"] = child(
        ["list"], lambda: os.dup2(os.open("/dev/full", os.O_WRONLY), 1), folder / "list-full.txt"
    )
    codes["evaluate"] = child(["evaluate", str(folder / "full"), "-n", "50"], gone, folder / "evaluate.txt")
    bench = ["benchmark", "modes", "--games", "wgan-gp", "--data", "ring", "--seeds", "1", "--device", "cpu"]
    bench += ["--plan.rounds", "2", "--out", str(folder / "bench"), *SETTINGS]
    codes["benchmark"] = child(bench, gone, folder / "benchmark.txt")
    print(json.dumps(codes), flush=True)


if __name__ == "__main__":
    for slow in (sklearn.datasets, torch._dynamo, saddle.games.wgan_gp, saddle.runs.session, tempfile):
        assert slow  # imported before the forks, which is what they are for
    run(Path(sys.argv[1]))
