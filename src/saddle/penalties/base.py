"""What every penalty is: a weight, how often, and a scalar of a context."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from torch import Tensor, nn

from ..base.formulas import nth, stated, times, written
from ..base.precision import full, second_order
from ..base.ranges import PositiveInt, Weight
from ..base.settings import Settings
from ..context import Context
from ..optim import Constant, Schedule


@dataclass(frozen=True)
class Penalty(Settings, ABC):
    """The penalty times `weight · every` in every `every`-th round (lazy regularisation), None in the others."""

    players: ClassVar[tuple[str, ...]] = ("discriminator",)  # whose loss it is added to

    weight: Weight = 1.0  # factor on the penalty
    every: PositiveInt = 1  # rounds from one penalty to the next; lazy ones count for the rounds between
    schedule: Schedule = Constant()  # a factor on the weight
    autocast: bool = False  # compute it in bf16 where the game plays in bf16, instead of in fp32

    @property
    def name(self) -> str:
        """What the log calls it: the class's name in snake case."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(self).__name__).lower()

    def __call__(self, rounds: int, context: Context) -> Tensor | None:
        """The weighted penalty [] of this round, or None in a round that it leaves out."""
        if rounds % self.every:
            return None
        weight = self.weight * self.every * self.schedule(rounds, context.progress)
        with second_order(context.real, self.autocast):
            context = replace(context, rounds=rounds, real=full(context.real), fake=full(context.fake))
            return weight * self.measure(context)

    @abstractmethod
    def measure(self, context: Context) -> Tensor:
        """The penalty before its weight, []."""

    def formula(self, mover: str) -> str:
        """What is added to the loss of the "discriminator" or the "generator", with the settings' values.

        It is a mean over samples.
        """
        paid = times(self.weight * self.every, self.unweighted(mover))
        changes = "" if self.schedule == Constant() else f"; times {written(self.schedule)}"
        return paid + changes + (f"; in every {nth(self.every)} round" if self.every > 1 else "")

    def unweighted(self, mover: str) -> str:
        """The same before its weight: the first line of the docstring, where a kind does not say it otherwise."""
        return stated(self, mover)

    def shares(self) -> bool:
        """Does it differentiate the context's own logits by the samples?"""
        return False

    def remember(self, game: Any) -> nn.Module | None:
        """The buffers that the penalty keeps from round to round, if it does; `Context.memory` brings them back."""
        return None

    def forbids(self, game: Any) -> str | None:
        """Why this penalty cannot go with a player that judges, or its game's settings, in a sentence; None if it can.

        `game` has their `options`, `data` and `get_submodule` for "discriminator" and "generator", and answers whether
        it `shares_logits` and `moves_latents`: see games/_adversarial.py.
        """
        return None


def remembered(penalties: Sequence[Penalty], game: Any) -> nn.ModuleList:
    """The buffers of each penalty for one player that judges, for a game to own; empty modules where there are none."""
    return nn.ModuleList(penalty.remember(game) or nn.Module() for penalty in penalties)


def paid(penalties: Sequence[Penalty], memories: Iterable[nn.Module], context: Context) -> dict[str, Any]:
    """The penalties on the context's mover, by name; `memories` as `remembered` made them."""
    return {
        penalty.name: penalty(context.rounds, replace(context, memory=memory))
        for penalty, memory in zip(penalties, memories, strict=True)
        if context.mover in penalty.players
    }
