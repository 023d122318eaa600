"""What readers of results learn from: training samples of a source, and what is known of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..data.source import Split
from ..metrics.reading import ReadLesson
from ..metrics.segmentation import MapLesson
from ..metrics.traits import Traits
from ..spec import Condition
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


def traits_of(game: Translation) -> Traits | None:
    """What a translation can be asked to show, if it is a class or labels that are on or off."""
    asked = game.asked
    return Traits(asked) if asked is not None and asked.kind in ("class", "labels") and asked.names else None


def label_lesson(game: Translation, source: Source) -> ReadLesson | None:
    """Training images and the labels that a translation can be asked for."""
    condition, key = source.spec.condition, game.domains[0]
    if condition is None or condition.kind not in ("class", "labels") or not _together(source.train, key, "label"):
        return None
    return _lesson(source, key, "label", Traits(condition))


def class_lessons(source: Source, keys: Iterable[str], asked: Condition | None = None) -> dict[str, ReadLesson]:
    """By domain, training images whose classes are known, which nobody is asked to change."""
    lessons = {}
    for key in keys:
        name = classes_of(source.train, key, asked) if source.spec.fields[key].kind == "image" else None
        if name is not None:
            known = np.asarray(source.train.columns[name][:])
            field = source.spec.fields.get(name)
            names = field.names if field else tuple(map(str, range(int(known.max(initial=-1)) + 1)))
            if (known >= 0).any():
                lessons[key] = _lesson(source, key, name, Traits(Condition("class", names)))
    return lessons


def classes_of(split: Split, key: str, asked: Condition | None = None) -> str | None:
    """The column of the classes of a domain's images; not of those that a translation is asked for."""
    names = (f"label_{key}", *([] if asked and asked.key == "label" else ["label"]))
    return next((name for name in names if _together(split, key, name) and _are_classes(split, name)), None)


def _are_classes(split: Split, name: str) -> bool:
    return split.columns[name].dtype.kind in "iu" and split.columns[name][:1].ndim == 1


def _together(split: Split, one: str, other: str) -> bool:
    return any(one in domain and other in domain for domain in split.domains)


def _lesson(source: Source, key: str, label: str, traits: Traits) -> ReadLesson:
    def take(places: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        batch = source.train.batch({key: places, label: places})
        return batch[key], traits.values(batch[label])

    mark, n = f"{source.fingerprint} {key} {label}", len(source.train.columns[key])
    return ReadLesson(mark, n, take, source.spec.fields[key].planes, traits)
