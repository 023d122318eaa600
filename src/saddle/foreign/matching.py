"""Which tensor of a file becomes which of a game; nothing is copied before all names and shapes fit."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..base.errors import SaddleError, shortened, some
from ..spec import DataSpec
from ..tasks import Game
from .reading import Found, plain

SHOWN = 6  # names in a message
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
COUNTER = "num_batches_tracked"  # of batch norm: the one tensor that is no weight and has whole numbers
MOST_CLASSES, MOST_LEVELS = 100_000, 12  # levels: maps of different sizes


@dataclass(frozen=True)
class Asked:
    """What a person says beside the file; None and False where nothing is said."""

    size: int | None = None  # side of images, where the network takes any
    back: Found | None = None  # the file of the way back, of two translators
    as_published: bool = False  # with the known mistakes of the published code
    config: Path | None = None  # a file of settings that came with it
    dropout: bool = True  # was dropout in use, where the file does not say?


class Matching:
    """The tensors of one file on their way to a game."""

    def __init__(self, found: Found):
        self.path, self.facts, self.tensors = found.path, found, plain(found.tensors)
        for name, x in found.tensors.items():
            if x.dtype not in FLOATS and name.rpartition(".")[2] != COUNTER:
                raise self.refuse(f"weights have 16, 32 or 64 bits, and {shortened(name)} is {_type(x)}")
            if not x.numel():
                raise self.refuse(f"{shortened(name)} is empty, {_sides(x)}")
        self.made: dict[str, Tensor] = {}  # by their names in the game
        self.theirs: dict[str, str] = {}  # names in the file, by those in the game
        self.used: set[str] = set()
        self.missing: list[str] = []

    def shape(self, name: str, axes: int) -> tuple[int, ...]:
        """Of a tensor of the file. SaddleError for another file: it has none of this name, or with other axes."""
        if name not in self.tensors:
            there = _listed([*self.tensors][:SHOWN]) or "no tensors"
            raise SaddleError(f"{self.path} is of something else: it has no {name}; it begins with {there}")
        x = self.tensors[name]
        if x.ndim != axes:
            raise SaddleError(f"{self.path} is of something else: {name} is {_sides(x)}, not of {axes} axes")
        return tuple(x.shape)

    def numbers(self, pattern: str) -> list[int]:
        """All numbers in names that match the pattern from their beginning, in order."""
        return sorted({int(found[1]) for name in self.tensors if (found := re.match(pattern, name))})

    def levels(self, count: int) -> int:
        """So many maps of different sizes. SaddleError if no network has so many."""
        if not 0 < count <= MOST_LEVELS:
            raise self.refuse(f"it has maps of {count} sizes, and 1 to {MOST_LEVELS} are possible")
        return count

    def classes(self, count: int) -> tuple[str, ...]:
        """Names of so many classes: numbers. SaddleError if there are too many."""
        if count > MOST_CLASSES:
            raise self.refuse(f"it has {count:,} classes, and at most {MOST_CLASSES:,} are possible")
        return tuple(map(str, range(count)))

    def take(self, ours: str, theirs: str, change: Callable[[Tensor], Tensor] = lambda x: x) -> None:
        """The tensor of the file by the name `theirs` becomes `ours` in the game, changed."""
        self.used.add(theirs)
        self.theirs[ours] = theirs
        if theirs in self.tensors:
            self.made[ours] = change(self.tensors[theirs])
        else:
            self.missing.append(theirs)

    def give(self, ours: str, value: Tensor) -> None:
        """A tensor of the game, value of any shape, that the file does not hold: it follows from others."""
        self.theirs[ours], self.made[ours] = ours, value

    def leave(self, pattern: str) -> list[str]:
        """Names in the file that match a pattern and are known not to be needed; these names."""
        names = [name for name in self.tensors if re.fullmatch(pattern, name)]
        self.used.update(names)
        return names

    def refuse(self, why: str) -> SaddleError:
        return SaddleError(f"{self.path} cannot be imported exactly: {why}")


@dataclass
class Adopted:
    """What a file becomes: a game with these settings and data, whose tensors come from the matchings."""

    game: str
    what: str  # the network is, in a sentence for the model card
    settings: dict[str, Any]  # by dotted names
    data: DataSpec
    parts: list[Matching]
    absent: tuple[str, ...]  # players that the file does not hold
    notes: list[str] = field(default_factory=list)  # sentences for the model card


def check(game: Game, adopted: Adopted) -> dict[str, Tensor]:
    """The tensors of all players. SaddleError that lists what is missing, left over, or of another shape."""
    players = game.players()
    own = {name: x for name, x in game.state_dict().items() if name.partition(".")[0] in players}
    made = {name: x for part in adopted.parts for name, x in part.made.items()}
    theirs = {name: told for part in adopted.parts for name, told in part.theirs.items()}
    lacking = [name for part in adopted.parts for name in part.missing]
    lacking += [f"what becomes {name}" for name in own if name not in theirs]
    over = [name for part in adopted.parts for name in part.tensors if name not in part.used]
    over += [theirs[name] for name in made if name not in own]
    shapes = [
        f"{shortened(theirs[name])} {_sides(x)}, not {_sides(own[name])}"
        for name, x in made.items()
        if name in own and x.shape != own[name].shape
    ]
    odd = [theirs[name] for name, x in made.items() if x.is_floating_point() and not torch.isfinite(x).all()]
    told = {"missing": lacking, "left over": over, "of another shape": shapes, "not finite": odd}
    if lines := [f"{what}: {_listed(names)}" for what, names in told.items() if names]:
        files = some([str(part.path) for part in adopted.parts], between=" and ")
        raise SaddleError(f"{files} does not fit {adopted.game}; nothing was imported\n  " + "\n  ".join(lines))
    return made


def _sides(x: Tensor) -> str:
    return "×".join(map(str, x.shape)) or "a number"


def _type(x: Tensor) -> str:
    return str(x.dtype).removeprefix("torch.")


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(map(shortened, names[:SHOWN])) + more
