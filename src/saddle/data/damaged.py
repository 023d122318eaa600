"""Pairs of a damaged crop of the two photographs (a) and the same crop as it was (b)."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from ..spec import DataSpec
from .crops import ORDER, Crops, sides_of_pairs, train_and_held_out
from .fingerprint import fingerprint
from .made import Together
from .options import DataOptions
from .source import Judged, Source, Split

# Crops uint8 [N, 3, H, W], what chance is drawn for, and the places [N] → a and whatever else comes with it, by key.
Damage = Callable[[NDArray[np.uint8], str, NDArray[np.int64]], Mapping[str, np.ndarray]]


def damaged(options: DataOptions, spec: DataSpec, damage: Damage, judged: Judged) -> Source:
    """The source of these pairs. The damage of a sample is a function of its place: it is the same in every epoch."""
    train, kept = train_and_held_out(sides_of_pairs(options))
    learned = _made(train, f"{options.source} train", damage, np.arange(len(train)))
    scored = _made(kept, f"{options.source} held out", damage, ORDER)
    mark = fingerprint(options.source, train.pictures, train.corners, scored.mark())
    return Source(options.source, spec, Split(learned.columns()), Split(scored.columns()), mark, judged=judged)


def _made(crops: Crops, what: str, damage: Damage, numbers: NDArray[np.int64]) -> Together:
    """`numbers` are those of the crops, by which each has its damage."""

    def make(places: NDArray[np.int64]) -> dict[str, np.ndarray]:
        whole = crops[places]
        return {**damage(whole, what, numbers[places]), "b": whole}

    return Together(len(crops), make)
