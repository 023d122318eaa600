"""The samples of a source, some at a time, for who looks at all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch

from ..data.source import Split
from ..spec import Batch
from ..tasks import Game

if TYPE_CHECKING:
    from ..data.source import Source

CHUNK = 1024  # images at a time


def held_out_of(source: Source) -> Split:
    """Of a source that has held-out samples, these."""
    assert source.heldout is not None
    return source.heldout


def batches(split: Split, *keys: str) -> Iterator[Batch]:
    """The samples of some keys that belong together, or of all, in order and in chunks."""
    wanted = keys or tuple(split.columns)
    count = min(len(split.columns[key]) for key in wanted)
    for start in range(0, count, CHUNK):
        yield split.batch(dict.fromkeys(wanted, torch.arange(start, min(start + CHUNK, count)).numpy()))


def ready(game: Game, batch: Batch) -> Batch:
    """The batch on the game's device, and in its precision."""
    return {key: x.to(game.device, game.dtype if x.is_floating_point() else None) for key, x in batch.items()}
