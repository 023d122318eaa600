"""What scores of restorations are made of: a game's restored held-out images, and what can be had without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..base import rng
from ..layers.averaging import mean_image
from ..metrics.restored import Restorations, Restored, enlarged
from ..metrics.translated import MEAN, MOST
from ..spec import Batch
from ..tasks import Restoration
from . import teaching
from .translations import at_a_time, spread

if TYPE_CHECKING:
    from ..data.source import Source


def can(game: Restoration, source: Source) -> bool:
    """Are there held-out damaged images with the true ones?"""
    pair = game.needs[:2]
    return source.heldout is not None and {*pair, *game.beside} <= {*source.heldout.columns}


def restorations(game: Restoration, source: Source, seed: int) -> Restorations:
    """The held-out images that can be restored; none is before it is asked for. The same on every process."""
    damaged, whole = game.needs[:2]
    heldout, field = source.heldout, source.spec.fields[whole]
    assert heldout is not None
    channels, height, width = field.shape
    there = len(heldout.columns[damaged])

    @torch.no_grad()
    def make(count: int, others: bool) -> Restored:
        places = spread(there, count)
        keys = (damaged, whole, *game.beside)
        step = at_a_time(field.shape)
        with rng.apart(seed, "restored"):
            parts = [heldout.batch(dict.fromkeys(keys, places[at : at + step])) for at in range(0, count, step)]
            images = torch.cat([_restored(game, {key: part[key] for key in keys if key != whole}) for part in parts])
        truth, small = (torch.cat([part[key] for part in parts]) for key in (whole, damaged))
        beside = enlarged(small, truth)
        if others:
            beside[MEAN] = mean_of(source, whole).expand_as(truth)
        labels = _labels(source, whole, places)
        return Restored(images, truth, beside, game.times, labels)

    return Restorations(there, (channels, height, width), game.times, make, _labels_key(source, whole) is not None)


def mean_of(source: Source, key: str) -> Tensor:
    """The mean of up to 2,000 training images, [1, C, H, W]."""
    n = len(source.train.columns[key])
    places = spread(n, min(n, MOST))
    return mean_image(source.train.batch({key: some})[key] for some in np.array_split(places, 1 + len(places) // 100))


def _restored(game: Restoration, batch: Batch) -> Tensor:
    given = {k: x.to(game.device, game.dtype if x.is_floating_point() else None) for k, x in batch.items()}
    return game.restore(given).float().cpu()


def _labels_key(source: Source, whole: str) -> str | None:
    """The column of the classes of held-out images, if those of training images are known too."""
    if source.heldout is None or not lessons(source, whole):
        return None
    return teaching.classes_of(source.heldout, whole)


def lessons(source: Source, whole: str) -> dict[str, teaching.ReadLesson]:
    """Whole training images with their classes, if these are known."""
    return teaching.class_lessons(source, (whole,))


def _labels(source: Source, whole: str, places: NDArray[np.int64]) -> Tensor | None:
    key = _labels_key(source, whole)
    return None if key is None or source.heldout is None else source.heldout.batch({key: places})[key]
