"""Train in two processes and lose one: run by test_lost_processes.py as `python losing.py FOLDER`.

Prints a line of JSON for each way to lose it: how both ended. What they said is in FOLDER/WAY/RANK.txt. One process
that has imported everything starts the others by forking, so that the time goes into rounds.
"""

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch._dynamo

import saddle.games.wgan_gp
import saddle.runs.session
from saddle.base import dist, watch
from saddle.base.errors import SaddleError
from saddle.cli import main
from saddle.runs import scoring
from saddle.runs.session import Training
from saddle.training.trainer import Trainer

SETTINGS = {
    "game.network.width": 8,
    "plan.batch": 4,
    "plan.precision": "fp32",
    "plan.rounds": 6,
    "plan.save_every": 2,
    "plan.log_every": 1,
    "plan.pictures": 2,
    "plan.scores": 0,
}
WORDS = ["wgan-gp", "--data", "ring", "--device", "cpu", *(f"--{name}={value}" for name, value in SETTINGS.items())]
FATAL = 3  # the round in which it happens
BEAT, SILENCE = 0.1, 15


def within_a_round(rank: int, happens: Callable[[], None]) -> Callable[[], None]:
    """Have something happen to one of the processes between the moves of a round."""

    def prepare() -> None:
        make = Trainer.make

        def making(self, moves) -> None:
            if self.round == FATAL - 1 and dist.rank() == rank and moves[0].players != ("generator",):
                happens()
            make(self, moves)

        Trainer.make = making

    return prepare


def send(kind: signal.Signals) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), kind)


def fail() -> None:
    raise SaddleError("something that only one process meets")


def busy_while_drawing() -> None:
    """Have the first process take its time, longer than a silence may last."""
    draw = Training.draw

    def drawing(self) -> None:
        draw(self)
        if dist.rank() == 0 and self.trainer.round:
            time.sleep(1.5 * BEAT * SILENCE)

    Training.draw = drawing


def killed_while_the_other_draws() -> None:
    """Have the second process end when the first is busy, and will not send it anything for long."""
    draw = Training.draw

    def drawing(self) -> None:
        draw(self)
        if self.trainer.round and dist.rank():
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60 if self.trainer.round else 0)

    Training.draw, watch.GRACE = drawing, 3


def late_at_the_end() -> None:
    """Have the first process take its time when the other one has played everything."""
    stop = Training.note_stop

    def stopping(self, *words: str) -> None:
        stop(self, *words)
        if dist.rank() == 0:
            time.sleep(1.5 * BEAT * SILENCE)

    Training.note_stop = stopping


WAYS = {
    "whole": lambda: None,
    "second killed": within_a_round(1, send(signal.SIGKILL)),
    "first killed": within_a_round(0, send(signal.SIGKILL)),
    "second stopped": within_a_round(1, send(signal.SIGSTOP)),
    "first stopped": within_a_round(0, send(signal.SIGSTOP)),
    "second killed, first busy": killed_while_the_other_draws,
    "second failed": within_a_round(1, fail),
    "first busy": busy_while_drawing,
    "first late": late_at_the_end,
}


def train(place: Path, port: int, rank: int, prepare: Callable[[], None]) -> int:
    """One of two processes; its id."""
    if child := os.fork():
        return child
    said = os.open(place / f"{rank}.txt", os.O_WRONLY | os.O_CREAT)
    os.dup2(said, 1)
    os.dup2(said, 2)
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    watch.BEAT, watch.SILENCE, watch.GRACE = BEAT, SILENCE, 1000 * SILENCE  # on a busy machine, last words take time
    prepare()
    code = main(["train", *WORDS, "--folder", str(place / "run")])
    sys.stderr.flush()
    os._exit(code)


def lose(place: Path, prepare: Callable[[], None]) -> dict[str, object]:
    """Exit codes, minus the signal for one that was killed, by rank."""
    place.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    children = {train(place, port, rank, prepare): rank for rank in (0, 1)}
    codes: dict[int, int] = {}
    while children:
        pid, status = os.wait()
        rank = children.pop(pid)
        codes[rank] = os.waitstatus_to_exitcode(status)
        if codes[rank] and children and "stopped" in place.name:
            os.kill(next(iter(children)), signal.SIGKILL)  # as a launcher does with those that do not follow
    return {"way": place.name, "codes": [codes[rank] for rank in (0, 1)]}


if __name__ == "__main__":
    for slow in (torch._dynamo, saddle.games.wgan_gp, saddle.runs.session):
        assert slow  # imported before the forks, which is what they are for
    scoring.defaults = lambda *_: []
    for way, prepare in WAYS.items():
        print(json.dumps(lose(Path(sys.argv[1]) / way, prepare)), flush=True)
