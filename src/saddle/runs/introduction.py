"""What a training is, in a few lines at its beginning, and what to do with it, in one at its end."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ..base import dist, guests
from ..base.files import quoted
from ..base.memory import most_taken
from ..data.files import count
from ..data.source import Source
from ..tasks import Game
from ..training.checkpoint import KEPT
from ..training.trainer import Trainer
from .informing import count_parameters
from .recipe import Recipe


def of_data(recipe: Recipe, source: Source) -> list[str]:
    """The game, its data and what a person should know of them."""
    kept = f", {len(source.heldout):,} held out" if source.heldout else ""
    shape = "×".join(map(str, source.spec.shape))
    first = f"{recipe.game} on {source.name}: {len(source.train):,} samples of {shape} to train on{kept}"
    return [first, *(f"data: {note}" for note in noted(source.notes))]


def of_players(trainer: Trainer, folder: Path, choice: Sequence[str]) -> list[str]:
    """The players, where they play, for how long, and, if it is scored on the way, what chooses the best checkpoint."""
    players = ", ".join(f"{name} {n:,}" for name, n in count_parameters(trainer.game).items())
    rounds = "1 round" if trainer.rounds == 1 else f"{trainer.rounds:,} rounds"
    return [
        f"parameters: {players}; {_place(trainer)}, {trainer.precision}",
        f"{rounds} of {count(trainer.plan.batch, 'sample')}; the run is kept in {folder}",
        *(choice if trainer.plan.scores else ()),
    ]


def of_needs(trainer: Trainer) -> list[str]:
    """A line about memory and disk, once some rounds were played."""
    device = trainer.game.device
    taken = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else most_taken()
    memory = f"{taken / 1e9:.2g} GB of {'GPU ' * (device.type == 'cuda')}memory, and " if taken else ""
    return [f"it takes {memory}{KEPT * trainer.state().size / 1e6:,.3g} MB of disk for {KEPT} checkpoints"]


def noted(notes: Mapping[str, Any]) -> Iterator[str]:
    """Of a source's notes those that say something: a sentence as it is, a number that is not 0 with its name."""
    for name, value in notes.items():
        if not value or name == "files":  # so many there are to train on and held out
            continue
        if isinstance(value, Mapping):
            yield f"{name}: " + ", ".join(f"{n:,} {kind}" for kind, n in value.items())
        else:
            yield f"{value:,} {name}" if isinstance(value, int) else str(value)


def next_command(game: Game, folder: Path, modules: Sequence[str]) -> list[str]:
    """What shows a trained game at work, if there is a command for it; `modules` are those of guests in it."""
    plugins = guests.options(map(guests.plugged_as, modules))
    for task in type(game).tasks():
        if task.unable(game):
            continue
        if command := re.search(r"saddle [a-z]+", task.purpose):
            words = [command[0], quoted(folder), *map(shlex.quote, task.example(game))]
            return [f"what next: {' '.join(words)}{plugins}"]
    return []


def _place(trainer: Trainer) -> str:
    device, world = trainer.game.device, dist.world()
    many = f"{world} processes, each on " if world > 1 else "on "
    if device.type == "cuda":
        return f"{many}{torch.cuda.get_device_name(device)}"
    threads = torch.get_num_threads()
    return f"{many}{device.type}" + (f" with {threads} thread{'s' * (threads > 1)}" if device.type == "cpu" else "")
