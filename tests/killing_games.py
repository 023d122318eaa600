"""Games that are killed and go on: run by test_kill.py as `python killing_games.py FOLDER EVERY`. One line a kill.

One game is killed at its first step on the disk, then at a later one, EVERY steps further, and so on until it comes
through. One game of every family is killed at a step on the disk and at a move, by chance. Beside each lies the run
that was left alone. One process that has imported everything starts the others by forking, so that the time goes into
rounds.
"""

import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import sklearn.datasets
import torch
import torch._dynamo
from small import opened, tiny_recipe

from saddle.runs import beside, registry, scoring
from saddle.runs.session import train
from saddle.training.trainer import Trainer

EVERYWHERE = "began"  # for it is quick
FAMILIES: dict[str, dict[str, int]] = {
    "aae": {"game.width": 32},
    "biggan": {"game.network.width": 2},
    "bigan": {"game.network.width": 32},
    "cyclegan": {"game.width": 2},
    "energy": {"game.network.width": 4},
    "gan-cls": {"game.width": 4},
    "improved-gan": {},
    "infogan": {"game.width": 2},
    "pix2pixhd": {"game.width": 2, "game.encoder_width": 2, "game.discriminator_width": 4},
    "progan": {"game.network.channel_max": 16},
    "singan": {},
    "srgan": {"game.blocks": 1},
    "stylegan2": {"game.network.channel_max": 16},
    "vae": {"game.width": 32},
    "vaegan": {},
}
PLAN = {"rounds": 2, "save_every": 1}
STEPS = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod")


class Points:
    """Counts the moments of one process at which a kill is of interest, and kills it at one of them."""

    def __init__(self, folder: Path, at: tuple[str, int] = ("", 0)):
        self.folder, self.at = str(folder), at
        self.counts = {"step": 0, "move": 0}
        sys.addaudithook(self.on_disk)
        self.write, os.write = os.write, self.writing
        make = Trainer.make

        def making(trainer: Trainer, moves: list) -> None:
            self.reach("move")
            make(trainer, moves)

        Trainer.make = making

    def on_disk(self, event: str, words: tuple) -> None:
        """A file is made, renamed, removed or waited for."""
        if event in STEPS or event == "open":
            inside = str(words[0]).startswith(self.folder)
            if inside and (event != "open" or words[2] & (os.O_WRONLY | os.O_RDWR) or ".part" in str(words[0])):
                self.reach("step")

    def writing(self, handle: int, data: bytes) -> int:
        """A line of the log: killed in the middle of it."""
        self.reach("step", lambda: self.write(handle, data[: len(data) // 2]))
        return self.write(handle, data)

    def reach(self, kind: str, last: Callable[[], object] = lambda: None) -> None:
        self.counts[kind] += 1
        if self.at == (kind, self.counts[kind]):
            last()
            os.kill(os.getpid(), signal.SIGKILL)


def play(game: str, folder: Path, at: tuple[str, int] = ("", 0)) -> tuple[int, dict[str, int]]:
    """Train in a process of its own. How it ended, and how many steps and moves there were."""
    told, tell = os.pipe()
    child = os.fork()
    if not child:
        torch.set_num_threads(1)
        points = Points(folder, at)
        train(tiny_recipe(game, **PLAN).change(FAMILIES.get(game, {})), folder, device="cpu", quiet=True)
        points.write(tell, repr(points.counts).encode())
        os._exit(0)
    os.close(tell)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with os.fdopen(told) as pipe:
        return ended, eval(pipe.read() or "{}")


def kill(game: str, folder: Path, at: tuple[str, int]) -> bool:
    """Whether it was killed, rather than coming to its end before."""
    ended, _ = play(game, folder, at)
    print(game, *at, ended, flush=True)
    assert ended in (0, -signal.SIGKILL)
    return ended != 0


def run(folder: Path, every: int) -> None:
    chance = random.Random(1)
    assert play(EVERYWHERE, folder / "whole" / EVERYWHERE)[0] == 0
    number = 1
    while kill(EVERYWHERE, folder / "killed" / EVERYWHERE, ("step", number)):
        number += every
    for game in FAMILIES:
        ended, counts = play(game, folder / "whole" / game)
        assert ended == 0
        victim = folder / "killed" / game
        assert kill(game, victim, ("step", chance.randint(1, counts["step"] // 2)))
        assert kill(game, victim, ("move", chance.randint(1, max(1, counts["move"] // 3))))
        assert play(game, victim)[0] == 0


if __name__ == "__main__":
    for slow in (sklearn.datasets, torch._dynamo):
        assert slow  # imported before the forks, which is what they are for
    torch.set_num_threads(1)
    for name in (EVERYWHERE, *FAMILIES):
        registry.load(name)
        opened(tiny_recipe(name).data)
    beside.MOST = 64  # training images that are searched for the nearest ones
    scoring.defaults = lambda game, source, final, *_: ["none"] if final else []  # scores are written, not computed
    scoring.score = lambda *_, **__: {}
    with TemporaryDirectory() as warm:  # what a training imports on its way
        train(tiny_recipe(EVERYWHERE, **PLAN), Path(warm) / "run", device="cpu", quiet=True)
    run(Path(sys.argv[1]), int(sys.argv[2]))
