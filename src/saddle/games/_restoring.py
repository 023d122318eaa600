"""What games have in common whose generator first learns alone, to be near the truth, and then against a judge too."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..base.errors import UsageError
from ..base.known import known, put
from ..base.precision import full
from ..base.ranges import Share
from ..optim import Optim, OwnOptim, Within
from ..spec import Batch
from ..tasks import Move, Restoration

HALF_LIFE = 0.05  # of the rounds so far, after which a round counts half in the mean of the first stage's network


class Restoring(Restoration):
    """A game builds its `generator`, calls `keep_first_stage`, and plays `pretrain` as long as it is `alone`.

    Schedules of the optimizers run over the player's stage, not over the run.
    """

    phases = {"pretraining": "generator"}  # noqa: RUF012
    generator: nn.Module
    pretrained: nn.Module | None  # the first stage's network, which blends with the last one's
    kept: Tensor  # rounds whose network is part of the mean that `pretrained` is

    @dataclass(frozen=True)
    class Options(Restoration.Options):
        pretraining: Share = 0.5  # share of the run, its beginning, in which the generator learns alone
        pretraining_optim: OwnOptim = None  # of the generator as long as it learns alone, where it differs

    options: Options

    @property
    def first_share(self) -> float:
        """The share of the run that the first stage has; 0: there is none; 1: there is no other."""
        return self.options.pretraining

    def keep_first_stage(self) -> None:
        """From now on the mean of the generator over the last rounds of its first stage is part of the game."""
        self.pretrained = deepcopy(self.generator).requires_grad_(False) if self.blends else None
        self.register_buffer("kept", torch.tensor(0))

    @property
    def alone(self) -> bool:
        return self.progress < self.first_share or self.first_share == 1

    def has_staged(self, progress: float) -> bool:
        return super().has_staged(progress) or 0 < self.first_share <= progress < 1

    def optim(self, player: str) -> Optim:
        """Either stage has the whole schedule."""
        optim, share = super().optim(player), self.first_share
        begin, finish = (0.0, share) if player in self.phases else (share, 1.0)
        return replace(optim, schedule=Within(optim.schedule, begin, finish)) if begin < finish else optim

    def pretrain(self, distance: Tensor) -> Iterator[Move]:
        """The one move of a round of the first stage: the generator steps down the distance [] from the truth."""
        yield Move("generator", phase="pretraining", distance=distance)
        self.remember()

    gap: ClassVar[str] = "‖G(z) - x‖²"  # the formula of the distance

    def formulas(self, player: str) -> dict[str, str]:
        first = {"distance": self.gap} if player == "generator" and self.first_share else {}
        return first | (super().formulas(player) if self.first_share < 1 else {})

    @torch.no_grad()
    def remember(self) -> None:
        """Once a round, however many parts a batch has."""
        if self.pretrained is None or known(self.kept) > self.rounds:
            return
        share = 1 - 0.5 ** (1 / (HALF_LIFE * (self.rounds + 1)))
        for mean, now in zip(_tensors(self.pretrained), _tensors(self.generator), strict=True):
            mean.lerp_(now, share)
        put(self.kept, self.rounds + 1)

    @property
    def blends(self) -> bool:
        return 0 < self.first_share < 1

    @property
    def early_scores(self) -> tuple[str, ...] | None:
        """None where a last stage follows the first: what compares pixels would choose a checkpoint of the first."""
        return None if self.blends else super().early_scores

    def network(self, blend: float = 1.0) -> nn.Module:
        """Weights and statistics of batch norm are mixed: (1 - blend) · first + blend · last.

        Network interpolation: Wang et al., 2018 (ESRGAN), Section 3.4. https://arxiv.org/abs/1809.00219. UsageError for
        a share that is none, or where there is nothing to mix with.
        """
        if not 0 <= blend <= 1:
            raise UsageError(f"blend is a share from 0, the first stage's network, to 1, the last one's; not {blend}")
        if blend == 1:
            return self.generator
        if self.pretrained is None:
            raise UsageError(
                f"this run of {type(self).__name__.lower()} has one stage, and so no other network to blend its own "
                "with; leave out blend, or train with game.pretraining between 0 and 1"
            )
        mixed = deepcopy(self.generator)
        for last, first in zip(_tensors(mixed), _tensors(self.pretrained), strict=True):
            last.lerp_(first.to(last), 1 - blend)
        return mixed

    @torch.no_grad()
    def restore(self, batch: Batch) -> Tensor:
        """By the statistics of training, even while it trains."""
        with _in_use(self.network()) as network:
            return full(network(batch[self.needs[0]].to(self.dtype))).clamp(-1, 1)


@contextmanager
def _in_use(network: nn.Module) -> Iterator[nn.Module]:
    """Inside, it changes no statistics, and goes by those that it has."""
    training = network.training
    try:
        yield network.eval()
    finally:
        network.train(training)


def _tensors(network: nn.Module) -> list[Tensor]:
    """Everything in it that can be a mean."""
    found = [*(p.data for p in network.parameters()), *network.buffers()]
    return [tensor for tensor in found if tensor.is_floating_point()]
