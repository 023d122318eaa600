"""Held-out images and the game's results for them, way by way, and the results of others: for metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..base import rng
from ..data.source import Split
from ..layers.averaging import MOST_CHANNELS, ColourTable, mean_image
from ..layers.resize import resized
from ..metrics.ranges import shown
from ..metrics.tones import grey
from ..metrics.traits import Changed, Traits
from ..metrics.translated import COLOURS, INPUT, LEAST, MEAN, MOST, Swapped, Translations, Turned, Way
from ..spec import Batch, Field
from ..spec.field import HOLE, SEEN
from ..tasks import Translation
from . import teaching

if TYPE_CHECKING:
    from ..data.source import Source

PIXELS = 2**20  # of images that a game is given at a time
LABEL = "label"  # key of what images show, and of what a translation is asked to show
FITTED = 2**22  # of training images that means and tables are made of
SHARED = 256  # images at a time, at most


def translations(game: Translation, source: Source, seed: int) -> Translations:
    """Every way of the game whose held-out images there are; nothing is translated yet."""
    assert source.heldout is not None
    return Translations(tuple(Making(game, source, seed, *way).way for way in ways(game, source)))


def ways(game: Translation, source: Source) -> list[tuple[str, str]]:
    """Those that lead from held-out images to the domain of others."""
    there = source.heldout.columns if source.heldout else {}
    seen = [key for key, field in source.spec.fields.items() if field.kind in SEEN and key in there]
    return [way for way in game.ways if way[0] in seen and way[1] in seen]


def at_a_time(shape: tuple[int, ...], most: int = SHARED) -> int:
    """Images of [..., H, W] that a game can be given together."""
    return max(1, min(most, PIXELS // (shape[-2] * shape[-1])))


def spread(there: int, most: int) -> NDArray[np.int64]:
    """At most so many of the places, at even distances, the first and the last among them."""
    return np.linspace(0, there - 1, min(there, most)).round().astype(np.int64)


@dataclass(frozen=True)
class Making:
    """How the translations of one way come about."""

    game: Translation
    source: Source
    seed: int
    start: str
    to: str

    @property
    def way(self) -> Way:
        fields = [self.fields[key] for key in (self.start, self.to)]
        held_out, real_labels = self.held_out, self._labels(self.to)
        lessons = teaching.class_lessons(self.source, (self.start, self.to), self.game.asked)
        return Way(
            self.name,
            len(held_out.columns[self.start]),
            _seen_shape(fields[1]),
            parts=self.parts,
            given=partial(self.images, held_out, self.start),
            real=partial(self.images, held_out, self.to),
            train=partial(self.images, self.source.train, self.to),
            pictures=(fields[0].kind == "image", fields[1].kind == "image"),
            paired=self.paired(held_out),
            returns=(self.to, self.start) in self.game.ways,
            keeps=self.keeps,
            labelled=self._labels(self.start) is not None,
            real_labels=partial(self.labelled, self.to, real_labels) if real_labels else None,
            means=lambda: (self.mean(self.start), self.mean(self.to)),
            start=self.start,
            to=self.to,
            fields={key: self.fields[key] for key in (self.to, *self.known) if key in self.fields},
            columns=self.known,
            traits=self.traits,
            styled=self.game.styled and fields[1].kind == "image",
            taught=self.to in lessons,
            versed=self.start in lessons,
        )

    @property
    def held_out(self) -> Split:
        assert self.source.heldout is not None
        return self.source.heldout

    @property
    def fields(self) -> dict[str, Field]:
        return dict(self.source.spec.fields)

    @property
    def name(self) -> str:
        """By titles, where each domain has one of its own."""
        titles = {key: self.game.title(key) for key in self.game.domains}
        if len({*titles.values()}) < len(titles):
            titles = {key: key for key in titles}
        return f"{titles[self.start]} to {titles[self.to]}" if self.start != self.to else titles[self.start]

    @property
    def known(self) -> tuple[str, ...]:
        """The columns of what belongs to the images that are translated."""
        return next(domain for domain in self.held_out.domains if self.start in domain)

    @property
    def keeps(self) -> bool:
        """Does it say something to show it images of the target? Not of a game that learns from pairs alone."""
        given, made = (self.fields[key] for key in (self.start, self.to))
        return not self.game.paired and given.kind == made.kind == "image" and given.planes == made.planes

    def paired(self, split: Split) -> bool:
        """Is it known what an image of the one domain is in the other? Of labels that it shows, nothing is."""
        return self.start != self.to and any(self.start in domain and self.to in domain for domain in split.domains)

    @property
    def traits(self) -> Traits | None:
        """What this way's translations are asked to show, if held-out images say what they show."""
        there = self._together(self.start, LABEL)
        return teaching.traits_of(self.game) if self.start == self.to and there else None

    def _labels(self, key: str) -> str | None:
        """The column of the classes of a domain's held-out images."""
        return teaching.classes_of(self.held_out, key, self.game.asked)

    def _together(self, one: str, other: str) -> bool:
        return any(one in domain and other in domain for domain in self.held_out.domains)

    @cached_property
    def hole(self) -> str | None:
        """The mask of what an image has lost, if scores are of that alone."""
        masks = (key for key, field in self.fields.items() if field.kind == "mask" and field.title == HOLE)
        return next((key for key in masks if key != self.start and self._together(key, self.start)), None)

    def images(self, split: Split, key: str, most: int) -> Iterable[Tensor]:
        """Images [n, C, H, W] of a key as people see them, at most so many, in chunks.

        They can be asked for several times.
        """
        field, places = self.fields[key], spread(len(split.columns[key]), most)
        return _Again(lambda: (field.as_image(split.batch({key: some})[key]) for some in _cut(places, field.shape)))

    def labelled(self, key: str, label: str, most: int) -> Iterable[tuple[Tensor, Tensor]]:
        """Held-out images [n, C, H, W] of a key as people see them, with their classes int64 [n]."""
        field, places = self.fields[key], spread(len(self.held_out.columns[key]), most)
        for some in _cut(places, field.shape):
            batch = self.held_out.batch({key: some, label: some})
            yield field.as_image(batch[key]), batch[label]

    def parts(self, count: int, beside: bool) -> Iterator[Turned]:
        places = spread(len(self.held_out.columns[self.start]), count)
        others = _Others(self) if beside else None
        with rng.apart(self.seed, "translations", self.start, self.to):
            for number, some in enumerate(_cut(np.arange(len(places)), self.fields[self.start].shape)):
                yield self.turned(places[some], some, number, others)

    def turned(
        self, places: NDArray[np.int64], turns: NDArray[np.int64], number: int, others: _Others | None
    ) -> Turned:
        paired = self.paired(self.held_out)
        label, hole = self._labels(self.start), self.hole if paired else None
        keys = [self.start, *([self.to] if paired else []), *(key for key in (hole, label) if key)]
        batch = self.held_out.batch(dict.fromkeys(keys, places))
        given, changed = batch[self.start], self.changed(places, turns)
        planes = self.made(places, turns)
        own = self.labels(changed.had) if changed else {}
        of = self.fields
        made = shown(self.game.picture(planes, self.to))
        return Turned(
            of[self.start].as_image(given).float(),
            made,
            number,
            truth=of[self.to].as_image(batch[self.to]).float() if paired else None,
            inside=batch[hole] if hole else None,
            labels=batch[label] if label else None,
            others=partial(others, given, planes if of[self.to].kind == "map" else made) if others else dict,
            back=partial(self.back, planes, own),
            kept=partial(self.kept, places),
            planes=planes,
            column=lambda key: self.held_out.batch({key: places})[key],
            changed=changed,
            swap=partial(self.swapped, places),
        )

    def swapped(self, places: NDArray[np.int64]) -> Swapped:
        """Of each image the style is the held-out one half of them all further on."""
        field, split = self.fields[self.to], self.held_out
        n = len(split.columns[self.to])
        others = (places + n // 2) % n
        style = split.batch({self.to: others})[self.to]
        given, beside = self.seen(places)
        with rng.apart(self.seed, "styles", self.start, self.to, int(places[0])):  # other scores draw as without it
            planes = self.translate(given, self.start, self.to, beside | {"style": field.as_planes(style)})
        made = shown(self.game.picture(planes, self.to))
        return Swapped(made, field.as_image(style).float(), lambda key: split.batch({key: others})[key])

    def made(self, places: NDArray[np.int64], turns: NDArray[np.int64]) -> Tensor:
        """Held-out images translated, as planes [n, K, H, W] on the processor; each in turn with another label."""
        (given, beside), changed = self.seen(places), self.changed(places, turns)
        return self.translate(given, self.start, self.to, beside | (self.labels(changed.asked) if changed else {}))

    def seen(self, places: NDArray[np.int64]) -> tuple[Tensor, Batch]:
        """Held-out images [n, …], and what the game takes beside them."""
        keys = [self.start, *(key for key in self.game.brought if self._together(self.start, key))]
        batch = self.held_out.batch(dict.fromkeys(keys, places))
        return batch.pop(self.start), batch

    def changed(self, places: NDArray[np.int64], turns: NDArray[np.int64]) -> Changed | None:
        """What images are asked to show that come up in these turns: each has another trait to change."""
        if self.traits is None:
            return None
        had = self.traits.values(self.held_out.batch({LABEL: places})[LABEL])
        return self.traits.changed(had, torch.from_numpy(turns))

    def labels(self, values: Tensor) -> dict[str, Tensor]:
        """Values int64 [n, P] as the labels that a batch holds."""
        assert self.traits is not None
        return {LABEL: self.traits.label(values)}

    @torch.no_grad()
    def translate(self, given: Tensor, start: str, to: str, beside: Mapping[str, Tensor] | None = None) -> Tensor:
        """Images [n, …] translated to planes [n, K, H, W], on the processor; `beside` is what else the game takes."""
        game, batch = self.game, {start: given, **(beside or {})}
        batch = {k: x.to(game.device, game.dtype if x.is_floating_point() else None) for k, x in batch.items()}
        return game.translate(batch, to).float().cpu()

    def back(self, planes: Tensor, own: Mapping[str, Tensor]) -> Tensor:
        """Translations as planes [n, K, H, W], translated back to images [n, C, H, W]."""
        field = self.fields[self.to]
        given = planes.argmax(1) if field.kind == "map" else (planes > 0).float() if field.kind == "mask" else planes
        return self.game.picture(self.translate(given, self.to, self.start, own), self.start).float()

    def kept(self, places: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Images [n, …] of the target domain and their translations [n, K, H, W] to it, which should be the same."""
        there = places[places < len(self.held_out.columns[self.to])]
        if not len(there):  # domains of unlike lengths
            there = places[:1] % len(self.held_out.columns[self.to])
        images, changed = self.held_out.batch({self.to: there})[self.to], self.changed(there, there)
        return images, self.translate(images, self.start, self.to, self.labels(changed.had) if changed else None)

    def mean(self, key: str) -> Tensor:
        """The mean training image of a domain, [1, C, H, W]."""
        return mean_image(self.images(self.source.train, key, _to_fit(self.fields[key].shape)))


class _Others:
    """What could be had without the game: the input as it is, the mean image, and a table of colours.

    Of a way to a map they are planes: shares of the classes at each place, or behind each colour.
    """

    def __init__(self, making: Making):
        self.making, self.field = making, making.fields[making.start]
        self.target = making.fields[making.to]
        self.shape = (self.target.planes, *self.target.shape[-2:])

    def __call__(self, given: Tensor, made: Tensor) -> dict[str, Tensor]:
        mean, table = self.fitted
        others: dict[str, Tensor | None] = {MEAN: mean.expand(len(made), -1, -1, -1)}
        if self.target.kind != "map":
            others = {INPUT: like(self.field.as_image(given).float(), made)} | others
        others |= {COLOURS: table(self._rows(given))} if table else {}
        return {name: image for name, image in others.items() if image is not None and image.shape == made.shape}

    @cached_property
    def fitted(self) -> tuple[Tensor, ColourTable | None]:
        """The mean of the target's training images as planes, and a table of training pairs.

        No table where there are no pairs, nor of images of many channels or of two sizes.
        """
        making, train, field = self.making, self.making.source.train, self.field
        classes = {"map": field.planes, "mask": 2}.get(field.kind)
        fits = making.paired(train) and field.shape[-2:] == self.shape[-2:]
        some = fits and (classes is not None or field.planes <= MOST_CHANNELS)
        table = ColourTable(field.planes, self.shape[0], classes) if some else None
        keys = [making.to, making.start] if table else [making.to]

        def shown() -> Iterator[Tensor]:
            for places in _cut(spread(len(train.columns[making.to]), _to_fit(self.shape)), self.shape, self.shape[0]):
                batch = train.batch(dict.fromkeys(keys, places))
                truth = self.target.as_planes(batch[making.to])
                if table:
                    table.show(self._rows(batch[making.start]), truth)
                yield truth

        return mean_image(shown()), table

    def _rows(self, given: Tensor) -> Tensor:
        return given[:, 0].long() if self.field.kind == "mask" else given


def like(images: Tensor, made: Tensor) -> Tensor | None:
    """Images with the channels and the size of those that were made; None where their channels say something else.

    images [N, C, H, W], made [N, C', H', W'] → [N, C', H', W']
    """
    wanted = made.shape[1]
    if images.shape[1] != wanted:
        if images.shape[1] == 1:
            images = images.expand(-1, wanted, -1, -1)
        elif wanted == 1:
            images = grey(images)
        else:
            return None
    return resized(images, made.shape[2:])


def _seen_shape(field: Field) -> tuple[int, int, int]:
    """Of a field's images as people see them."""
    channels = {"map": 3, "mask": 1}.get(field.kind) or field.shape[0]
    return channels, field.shape[-2], field.shape[-1]


def _to_fit(shape: tuple[int, ...]) -> int:
    """Training images that means and tables are made of."""
    return min(MOST, max(LEAST, FITTED // (shape[-2] * shape[-1])))


def _cut(places: NDArray[np.int64], shape: tuple[int, ...], planes: int = 3) -> Iterator[NDArray[np.int64]]:
    step = max(1, 3 * at_a_time(shape) // max(3, planes))
    return (places[start : start + step] for start in range(0, len(places), step))


class _Again:
    """Chunks, as often as they are asked for."""

    def __init__(self, make: Callable[[], Iterator[Tensor]]):
        self.make = make

    def __iter__(self) -> Iterator[Tensor]:
        return self.make()
