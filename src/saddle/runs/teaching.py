"""What readers of translations learn from: training samples of a source, and what is known of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..metrics.segmentation import MapLesson
from ..tasks import Translation

if TYPE_CHECKING:
    from ..data.source import Source


def map_lesson(game: Translation, source: Source) -> MapLesson | None:
    """Of the one label map from which a game makes images, if there are training pairs of both."""
    fields, domains = source.spec.fields, source.train.domains
    found = [way for way in game.ways if fields[way[0]].kind == "map" and fields[way[1]].kind == "image"]
    if len(found) != 1 or not any({*found[0]} <= {*domain} for domain in domains):
        return None
    start, to = found[0]

    def take(places: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        batch = source.train.batch({start: places, to: places})
        return batch[to], batch[start]

    mark = f"{source.fingerprint} {start} {to}"
    return MapLesson(mark, len(source.train.columns[start]), take, fields[to].planes, fields[start])
