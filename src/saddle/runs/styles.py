"""The looks that objects of each class can be asked for: a held-out map, drawn once with each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..base import rng
from ..base.errors import UsageError
from ..spec import Batch
from ..tasks import Translation

if TYPE_CHECKING:
    from .run import Run

LOOKED_AT = 64  # held-out maps, among which the largest object of a class is found


@dataclass(frozen=True)
class Looks:
    """Those of one class."""

    name: str
    centres: Tensor  # of its clusters, [K, F], that of the most objects first
    given: Tensor  # the map or image with a large object of the class, as people see it: [1, C, H, W] in [-1, 1]
    drawn: Tensor  # what is made of it if that object has each of the looks, [K, C, H, W] in [-1, 1]


@torch.no_grad()
def looks(run: Run, seed: int = 0) -> list[Looks]:
    """Every class of which training saw objects, and of which some held-out map has one.

    UsageError for a game whose objects have no looks to choose from, or that saw none yet.
    """
    game = run.as_(Translation)
    centres = {name: each for name, each in game.looks().items() if len(each)}
    if not centres:
        raise UsageError(
            f"{run.recipe.game} here has no looks of objects to choose from; train pix2pixhd on data with the numbers "
            "of objects, such as --data scenes, for a round or more"
        )
    start, to = game.way()
    split = run.source.heldout or run.source.train
    places = np.arange(min(LOOKED_AT, len(split.columns[start])))
    batch = split.batch(dict.fromkeys((start, *game.beside), places))
    numbers, field, names = batch["instances"], game.data.fields[start], [*game.looks()]
    found = []
    for name, each in centres.items():
        inside = (
            batch[start] == names.index(name) if field.kind == "map" else torch.ones_like(numbers, dtype=torch.bool)
        )
        if not inside.any():
            continue
        chosen, asked = _largest(numbers, inside)
        one = {key: x[chosen : chosen + 1].to(run.device) for key, x in batch.items()}
        drawn = [_drawn(game, one | {"clusters": _asked(asked, k, run.device)}, to, seed) for k in range(len(each))]
        found.append(Looks(name, each.cpu(), field.as_image(one[start]).float().cpu(), torch.cat(drawn)))
    return found


def _largest(numbers: Tensor, inside: Tensor) -> tuple[int, Tensor]:
    """In which of the maps the largest object lies, of those pixels of numbers [N, H, W], and where: bool [H, W]."""
    best, where = (0, 0), inside[0]
    for i in range(len(numbers)):
        if inside[i].any():
            found, sizes = numbers[i][inside[i]].unique(return_counts=True)
            if int(sizes.max()) > best[0]:
                best = int(sizes.max()), i
                where = inside[i] & (numbers[i] == found[sizes.argmax()])
    return best[1], where


def _asked(where: Tensor, cluster: int, device: torch.device) -> Tensor:
    return torch.where(where, cluster, -1)[None].to(device)


def _drawn(game: Translation, batch: Batch, to: str, seed: int) -> Tensor:
    with rng.apart("styles", seed):  # all else has the same looks each time
        batch = {key: x.to(game.dtype) if x.is_floating_point() else x for key, x in batch.items()}
        return game.picture(game.translate(batch, to), to).float().cpu()
