"""What tests of the scores of translations share: games that make of an image what a function does."""

import torch
from torch import Tensor

from saddle.data import Source
from saddle.metrics.score import Score
from saddle.runs import scoring
from saddle.spec import Batch
from saddle.tasks import Translation


class Made(Translation):
    """A game that makes of an image what a function does."""

    device, dtype = torch.device("cpu"), torch.float32
    needs = ("a", "b")
    does = {"b": staticmethod(lambda x: x), "a": staticmethod(lambda x: x)}  # noqa: RUF012
    one_way = False

    def round(self, batches):
        yield from ()

    @property
    def ways(self) -> tuple[tuple[str, str], ...]:
        return super().ways[:1] if self.one_way else super().ways

    def translate(self, batch: Batch, to: str) -> Tensor:
        ((_, image),) = batch.items()
        return self.does[to](image)


class Paired(Made):
    paired = True
    one_way = True


def game_on(source: Source, kind: type[Made] = Made, **does) -> Made:
    game = kind(source.spec).eval()
    game.does = Made.does | does
    return game


def scored(game: Made, source: Source, *names: str, **rest) -> dict[str, Score]:
    return scoring.score(game, source, list(names) or None, **rest)
