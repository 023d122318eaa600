"""What a game does in a round, by watching it do it."""

from collections.abc import Iterator

import torch
from torch import Tensor

from ..base import rng
from ..spec import Batch, DataSpec, Field
from ..spec.conditions import pick
from ..tasks import Game

Step = tuple[tuple[str, ...], tuple[str, ...]]  # the players that move, and the losses that they go down


def trace(game: Game, n: int = 4) -> tuple[list[Step], int]:
    """The moves of the first round on random batches of `n` samples, without a step, and how many batches it drew."""
    drawn = 0

    def batches() -> Iterator[Batch]:
        nonlocal drawn
        while True:
            drawn += 1
            yield random_batch(game.data, n)

    game.train()
    with rng.building("trace"):
        moves = [(move.players, tuple(move.losses)) for move in game.round(batches())]
    return moves, drawn


def random_batch(spec: DataSpec, n: int) -> Batch:
    """`n` samples that look like the data in nothing but kind, shape and type."""
    condition = spec.condition and spec.condition.key
    return {
        key: pick(spec, torch.rand(n)) if key == condition else _random(field, n) for key, field in spec.fields.items()
    }


def _random(field: Field, n: int) -> Tensor:
    """`n` values of a key, as `Field` says what each kind is."""
    uniform = torch.rand(n, *field.shape)
    if field.kind in ("map", "instances", "class"):
        return (uniform * max(len(field.names), 1)).long()
    if field.kind in ("mask", "labels"):
        return uniform.round()
    return (uniform * 256).long() if field.kind == "text" else uniform * 2 - 1
