"""What networks learn from that are to tell real images: a game's translations, beside images as they are."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..base import rng, telling
from ..data.source import Split
from ..metrics.reading import GaugeLesson, ReadLesson, as_read
from ..metrics.reference import content_hash
from ..metrics.refined import RAW, REAL, REFINED, Refined
from ..metrics.traits import Traits
from ..spec import Condition
from ..tasks import Translation
from . import translations

if TYPE_CHECKING:
    from ..data.source import Source

_MOST = 2000  # images of each kind that a network learns from


def possible(kind: str, game: Translation, source: Source) -> bool:
    """Is there such a way?"""
    return way_of(kind, game, source) is not None


def way_of(kind: str, game: Translation, source: Source) -> tuple[str, str] | None:
    """The first way from images with a "class", or "numbers", to other images, held out with theirs."""
    fields, heldout = source.spec.fields, source.heldout
    for start, to in game.ways if heldout else ():
        known = fields.get(f"label_{start}")
        images = fields[start].kind == fields[to].kind == "image" and start != to
        if not images or known is None or known.kind != kind or not _labelled(source.train, start):
            continue
        if _labelled(heldout, to) and fields.get(f"label_{to}", known) == known:
            return start, to
    return None


def refined(kind: str, game: Translation, source: Source, seed: int) -> Refined[Any]:
    """For who tells a "class", or "numbers": there must be a way."""
    way = way_of(kind, game, source)
    assert way is not None
    (start, to), train, heldout = way, source.train, source.heldout
    assert heldout is not None
    raw, known = _read(train, start, _MOST)
    made = _translated(game, source, seed, way)
    names, lesson = source.spec.fields[f"label_{start}"].names, partial(_lesson, kind)
    lessons = {REFINED: lesson(names, made, known)}
    if (like := translations.like(raw, made)) is not None:
        lessons[RAW] = lesson(names, like, known)
    if _labelled(train, to):
        lessons[REAL] = lesson(names, *_read(train, to, _MOST))
    return Refined(lessons, *_read(heldout, to, _MOST))


def _lesson(kind: str, names: tuple[str, ...], images: Tensor, known: Tensor) -> ReadLesson | GaugeLesson:
    """Of images [N, C, H, W], without those of which nothing is known."""
    there = known >= 0 if kind == "class" else known.isfinite().all(1)
    images, known = images[there], known[there]

    def take(places: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        index = torch.from_numpy(places)
        return images[index], known[index, None] if kind == "class" else known[index]

    mark = content_hash([images, known.float()])
    if kind == "class":
        return ReadLesson(mark, len(images), take, images.shape[1], Traits(Condition("class", names)))
    deviation = known.std(0).clamp(min=1e-6)
    return GaugeLesson(mark, len(images), take, images.shape[1], names, known.mean(0), deviation)


def _read(split: Split, key: str, most: int) -> tuple[Tensor, Tensor]:
    """At most so many images of a domain, small as readers are shown them, and what is known of each."""
    places, label = translations.spread(len(split.columns[key]), most), f"label_{key}"
    step = translations.at_a_time((*split.fields[key].shape,))
    parts = [split.batch({key: some, label: some}) for some in np.split(places, range(step, len(places), step))]
    return torch.cat([as_read(part[key]) for part in parts]), torch.cat([part[label] for part in parts])


def _translated(game: Translation, source: Source, seed: int, way: tuple[str, str]) -> Tensor:
    """The same training images of the first domain as the game translates them."""
    start, to = way
    making, split = translations.Making(game, source, seed, start, to), source.train
    places = translations.spread(len(split.columns[start]), _MOST)
    step, made = translations.at_a_time(split.fields[start].shape), []
    with rng.apart(seed, "refined", start, to):
        for begin in range(0, len(places), step):
            telling.now("translating what others learn from", begin, len(places))
            given = split.batch({start: places[begin : begin + step]})[start]
            made.append(as_read(making.game.picture(making.translate(given, start, to), to)))
    return torch.cat(made)


def _labelled(split: Split | None, key: str) -> bool:
    return split is not None and any({key, f"label_{key}"} <= {*domain} for domain in split.domains)
