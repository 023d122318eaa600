"""Pictures of what a game can do, drawn while it trains: always of the same noise and the same held-out samples."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from ..base import rng
from ..base.folder import RunFolder
from ..data.source import Source
from ..show import pictures
from ..spec import Batch
from ..tasks import Game
from ..tasks.game import Columns
from ..training.trainer import Trainer
from .translations import spread


class Gallery:
    """The pictures of one run."""

    def __init__(self, trainer: Trainer, source: Source, folder: RunFolder):
        self.trainer, self.source, self.folder = trainer, source, folder

    @torch.no_grad()
    def draw(self) -> Path:
        """A picture of what the averaged players do now; where it lies."""
        trainer = self.trainer
        with trainer.averages.playing(trainer.game) as game:
            rng.seed(trainer.plan.seed, "pictures")
            columns = self.in_own_units(game.shown(self.held))
            image = pictures.sheet(columns, partial(self.landscape, game), f"round {trainer.round:,}")
        return pictures.save(image, self.folder.picture(trainer.round))

    def in_own_units(self, columns: Columns) -> Columns:
        """Points and signals as the data have them; images as they are."""
        main = self.source.spec.main
        if not (main.offset and isinstance(columns, Mapping)):
            return columns
        return {name: main.restored(x.float()) for name, x in columns.items()}

    def landscape(self, game: Game, points: Tensor) -> Tensor | None:
        """The discriminator's output [N] at points [N, 2] in the data's own units; None where the game has none."""
        return game.landscape(self.source.spec.main.normalised(points).to(game.device, game.dtype))

    def held(self, n: int) -> Batch:
        """n held-out samples, or training samples where none are held out, as the game takes them.

        They are evenly spread over all: the first pieces of a photograph are all sky.
        """
        split = self.source.heldout or self.source.train
        there = min(map(len, split.columns.values()))
        batch = split.take(spread(there, min(n, there)))
        return {key: self.trainer.prepare(x) for key, x in batch.items()}
