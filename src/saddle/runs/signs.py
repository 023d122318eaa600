"""Signs of health in the log: numbers that tell what losses hide. They are measured in few rounds."""

from __future__ import annotations

from functools import cached_property

import torch

from ..base import dist, rng
from ..data.source import Source, Split
from ..spec import Batch
from ..training.trainer import Trainer
from .translations import spread

EVERY = 100  # rounds, at least, from one measurement to the next
SAMPLES = 64  # of each kind that a player judges: as many as a batch has, at most these
FEWEST = 8  # and at least these


class Signs:
    """Of one training: always the same samples, and noise that is a function of seed and round.

    A measurement takes about as long as a round at most, since it sees no more samples; with smaller batches than
    FEWEST it is rarer. So signs cost less than a hundredth of the rounds. What fits into memory in a round fits here.
    """

    def __init__(self, trainer: Trainer, source: Source):
        self.trainer, self.source = trainer, source
        batch = max(1, trainer.plan.batch // (trainer.plan.micro_batches * dist.world()))
        self.count = min(SAMPLES, max(FEWEST, batch))
        self.every = EVERY * -(-self.count // batch)

    def due(self, round_: int) -> bool:
        """Is a round, counted from 1, one of those? They are among the rounds that are logged."""
        every = self.trainer.plan.log_every
        return round_ == self.trainer.rounds or (round_ % every == 0 and round_ % self.every < every)

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """Of the averaged players in use, and of the steps of the last round. Weights and buffers stay as they are."""
        trainer = self.trainer
        with (
            rng.apart(trainer.plan.seed, trainer.round, "signs"),
            trainer.averages.playing(trainer.game) as game,
            trainer.autocast,
        ):
            found = game.signs(*self.samples)
        return {name: float(sign) for name, sign in {**trainer.steps.found, **found}.items()}

    @cached_property
    def samples(self) -> tuple[Batch, Batch]:
        """Held-out samples, or others of the training's where none are held out, and such as it is trained on."""
        train = self.source.train
        return self.taken(self.source.heldout or train, 0), self.taken(train, len(train) // 2)

    def taken(self, split: Split, first: int) -> Batch:
        """Samples that are evenly spread over all."""
        there = min(map(len, split.columns.values()))
        places = [(place + first) % there for place in spread(there, self.count)]
        return {key: self.trainer.prepare(x) for key, x in split.take(places).items()}
