"""What games have in common that also compare images in the features of a network outside the game."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from ..base.errors import UsageError
from ..base.formulas import times
from ..base.ranges import Weight
from ..optim import Optim
from ..perceptual import Compared, Perceptual
from ..tasks import Game, Move


class Perceived(Game):
    """A game calls `add_features` in its `__init__`, plays `learn` first in a round, and then asks `perceived`."""

    features: Compared | None

    @dataclass(frozen=True)
    class Options(Game.Options):
        perceptual: Perceptual | None = None  # network in whose features images are compared too; none: in no other one
        perceptual_weight: Weight = 10.0  # λ: of the distance in that network's features

    options: Options

    def add_features(self, key: str) -> None:
        """The network that compares images of this key, if one is chosen. UsageError if it cannot look at them."""
        chosen = self.options.perceptual if self.options.perceptual_weight else None
        self.features = chosen.build(self.data.fields[key]) if chosen else None

    def check_batch(self, n: int) -> None:
        super().check_batch(n)
        if self.features is not None:
            self.features.prepare(next(self.parameters()))  # what is missing is said before the first round

    def learn(self, images: Tensor) -> Iterator[Move]:
        """The moves of this round by which a network that is learned within the run learns from images [N, C, H, W]."""
        if self.features is None or self.rounds >= self.features.rounds:
            return
        planned = self.rounds / self.progress if self.rounds and self.progress else None
        if planned and planned <= self.features.rounds:
            raise UsageError(
                f"game.perceptual.rounds: a feature network learns in the first {self.features.rounds:,} rounds and is "
                f"asked after them, and the run has only {planned:,.0f}; give it fewer, or the run more"
            )
        lessons = self.features.lessons(images)
        self.note(**{f"{name}_right": lesson.right for name, lesson in lessons.items()})
        losses: dict[str, Any] = {name: lesson.loss for name, lesson in lessons.items()}
        yield Move("features", **losses)

    letters: ClassVar[dict[str, str]] = {"ψ": "the network in whose features images are compared"}

    def formulas(self, player: str) -> dict[str, str]:
        told, features = super().formulas(player), self.features
        if player == "features":
            return told | {"rotation": "-log p(turn | ψ(x))", "position": "-log p(place | ψ(two pieces of x))"}
        if player == "generator" and features is not None:
            told |= {"perceptual": times(self.options.perceptual_weight, "|ψ(G(z)) - ψ(x)|, over the layers")}
        return told

    def perceived(self, made: Tensor, real: Tensor) -> Tensor | None:
        """λ times the distance [] of images made from real ones, both [N, C, H, W]; None if nothing is compared yet."""
        if self.features is None or self.rounds < self.features.rounds:
            return None
        return self.options.perceptual_weight * self.features(made, real)

    @property
    def trained_against(self) -> str | None:
        return None if self.features is None else self.features.told

    def optim(self, player: str) -> Optim:
        own = self.features.optim if player == "features" and self.features is not None else None
        return own or super().optim(player)
