"""Train, be killed, train again: run by test_kill.py as `python killing.py FOLDER`. Prints one line a kill.

One process that has imported everything starts the others by forking, so that the time goes into rounds.
"""

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import sklearn.datasets
import torch
import torch._dynamo

import saddle.games.dcgan
import saddle.runs.session
from saddle.cli import main
from saddle.runs import beside, scoring
from saddle.training import checkpoint

SETTINGS = {
    "game.network.width": 4,
    "plan.rounds": 12,
    "plan.batch": 4,
    "plan.precision": "fp32",
    "plan.save_every": 1,
    "plan.log_every": 1,
    "plan.pictures": 3,
    "plan.scores": 0,
}


def train(folder: Path, prepare: Callable[[], None] = lambda: None) -> int:
    """A process that trains to the end; its id."""
    child = os.fork()
    if not child:
        torch.set_num_threads(1)
        prepare()
        os._exit(main(words(folder)))
    return child


def words(folder: Path) -> list[str]:
    """The command."""
    settings = [word for name, value in SETTINGS.items() for word in (f"--{name}", str(value))]
    return ["train", "dcgan", "--run", str(folder), "--device", "cpu", "--quiet", *settings]


def ended(child: int) -> int:
    """How it ended: its exit code, or minus the signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_at_sync(number: int) -> Callable[[], None]:
    """Have the process kill itself when a checkpoint waits for the disk for the n-th time: within a save."""

    def prepare() -> None:
        calls, sync = 0, checkpoint.sync

        def dying(path: Path) -> None:
            nonlocal calls
            calls += 1
            if calls == number:
                os.kill(os.getpid(), signal.SIGKILL)
            sync(path)

        checkpoint.sync = dying

    return prepare


def killed_at_removal() -> None:
    """Have the process kill itself when half of an old checkpoint is removed."""

    def dying(path: Path, ignore_errors: bool = False) -> None:
        next(path.iterdir()).unlink()
        os.kill(os.getpid(), signal.SIGKILL)

    checkpoint.shutil.rmtree = dying


def run(folder: Path) -> None:
    assert ended(train(folder / "whole")) == 0
    chance, victim = random.Random(2), folder / "killed"
    for number in (1, 4, 7, 13):  # the first file, the folder, the parent after the rename, the second save
        print("in a save", ended(train(victim, killed_at_sync(number))), flush=True)
    print("in a removal", ended(train(victim, killed_at_removal)), flush=True)
    for _ in range(4):  # last: how far they let the run come depends on the machine
        child = train(victim)
        time.sleep(chance.uniform(0.05, 0.3))
        os.kill(child, signal.SIGKILL)
        print("at random", ended(child), flush=True)
    assert ended(train(victim)) == 0


if __name__ == "__main__":
    for slow in (sklearn.datasets, torch._dynamo, saddle.games.dcgan, saddle.runs.session):
        assert slow  # imported before the forks, which is what they are for
    scoring.defaults = lambda *_: []  # final scores take long, and are not what is killed here
    beside.MOST = 64  # training images that are searched for the nearest ones
    with TemporaryDirectory() as warm:  # what a training imports on its way
        torch.set_num_threads(1)
        assert main(words(Path(warm) / "run")) == 0
    run(Path(sys.argv[1]))
