"""What metrics are made of where it takes a game or its data: one function an ingredient, which says its task.

`of` is the one place that asks what a game is for. The functions stand in the order in which they draw random numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor

from ..base import dist, rng
from ..data.source import Split, decoded
from ..layers.resize import resized
from ..metrics.codes import Codes, Read
from ..metrics.detected import Detected
from ..metrics.drawing import Sampler
from ..metrics.evidence import Later
from ..metrics.ingredients import ReferenceLabels
from ..metrics.pairs_of_latents import Together
from ..metrics.path_length import Paths
from ..metrics.probe import Probed
from ..metrics.ranges import shown
from ..metrics.reading import ReadLesson
from ..metrics.restored import Restorations
from ..metrics.segmentation import MapLesson
from ..metrics.single_image import OneImage
from ..metrics.translated import Translations
from ..tasks import (
    Classification,
    Density,
    Detection,
    Encoding,
    Game,
    Restoration,
    SingleImage,
    Sizes,
    Synthesis,
    Translation,
)
from . import coding, detecting, looking, refining, restorations, teaching, translations
from .chunks import CHUNK, batches, held_out_of, ready

if TYPE_CHECKING:
    from ..data.source import Source

_DRAWN_OF_ONE = 50  # samples of a game that learned one image

Make = Callable[[Any, "Source", int], Any]
When = Callable[[Any, "Source"], bool]
F = TypeVar("F", bound=Make)


@dataclass(frozen=True)
class Made:
    """How an ingredient is made of (game, data, seed): by games of all these tasks, `when` the two allow it."""

    name: str
    tasks: tuple[type[Game], ...]
    make: Make
    when: When


MADE: list[Made] = []


def ingredient(name: str, *tasks: type[Game], when: When = lambda game, source: True) -> Callable[[F], F]:
    """The function makes the ingredient `name` that a metric needs, of games of all these tasks."""

    def register(make: F) -> F:
        MADE.append(Made(name, tasks, make, when))
        return make

    return register


def of(game: Game, source: Source, seed: int = 0) -> dict[str, Any]:
    """Every ingredient that this game and these data give, by name, to be made when a metric needs it."""
    given: dict[str, Any] = {}
    for made in MADE:
        if made.name not in given and all(isinstance(game, task) for task in made.tasks) and made.when(game, source):
            given[made.name] = Later(partial(made.make, game, source, seed))
    if "samples" in given:  # what is known of them beforehand counts
        sampler = given["samples"] = given["samples"].make()
        given["real"] = _images(source.heldout or source.train, sampler.like)  # which `scoring.score` says
        given["train"] = _images(source.train, sampler.like) if source.heldout else None
    for name in ("translations", "restorations"):
        if name in given:
            given[name] = given[name].make()
    return given


def _held_out(game: Game, source: Source) -> bool:
    return source.heldout is not None


def _classes_known(game: Game, source: Source) -> bool:
    return source.heldout is not None and "label" in source.heldout.columns and bool(source.spec.classes)


def _classified(game: Classification, source: Source) -> bool:
    return _has(source, game.classified) and game.exclusive and bool(game.classifies)


def _told_captions(game: Synthesis, source: Source) -> bool:
    return source.judged.grammar and "caption" in game.needs


@ingredient("codes", Encoding, Synthesis, when=_held_out)
def codes(game: Any, source: Source, seed: int) -> Codes:
    """z of every image, the same on every process, without the class that a code may end in."""
    return looking.codes(game, source, seed)


@ingredient("discriminator_features", Synthesis, when=looking.sees)
def discriminator_features(game: Synthesis, source: Source, seed: int) -> Read:
    """What the discriminator of a game without codes sees of every image."""
    return looking.seen(game, source, seed)


@ingredient("bounds", Density, when=_held_out)
@torch.no_grad()
def bounds(game: Density, source: Source, seed: int) -> Tensor:
    """Of the log-likelihood of every held-out image, [N], the same on every process."""
    with rng.share(0, 1):
        rng.seed(seed, "bounds")  # from where samples, drawn after it, go on: scores since the first one rest on that
        return torch.cat([game.bound(ready(game, batch)).float() for batch in batches(held_out_of(source))])


@ingredient("predictions", Classification, when=_classified)
@torch.no_grad()
def predictions(game: Classification, source: Source, seed: int) -> tuple[Tensor, Tensor]:
    """What the game says of the held-out images with a label, log p [M, K], and their labels [M]."""
    predicted, labels = [], []
    image, label = game.classified
    for batch in batches(held_out_of(source), image, label):
        labelled = batch[label] >= 0
        predicted.append(game.classify(batch[image][labelled].to(game.device, game.dtype)).float())
        labels.append(batch[label][labelled])
    return torch.cat(predicted), torch.cat(labels)


@ingredient("single", SingleImage, when=lambda game, source: source.judged.other is not None)
@torch.no_grad()
def single(game: SingleImage, source: Source, seed: int) -> OneImage:
    """The samples of a game that learned one image, and a piece of a photograph that it never saw."""
    assert source.judged.other is not None
    real = source.train.take([0])["image"].to(game.device, game.dtype)
    other = decoded(torch.from_numpy(source.judged.other())).to(real)[None]
    size = game.sizes[-1]
    drawn = game.draw(_DRAWN_OF_ONE), game.draw(_DRAWN_OF_ONE, start=1)
    return OneImage(resized(real, size), game.reconstruct(), *drawn, resized(other, size))


@ingredient("restorations", Restoration, when=restorations.can)
def restored(game: Restoration, source: Source, seed: int) -> Restorations:
    """Held-out images that can be restored, with what they were; none is before it is asked for."""
    return restorations.restorations(game, source, seed)


@ingredient("class_lessons", Restoration, when=lambda game, source: bool(restorations.lessons(source, game.needs[1])))
def whole_lessons(game: Restoration, source: Source, seed: int) -> dict[str, ReadLesson]:
    """Whole images with their classes, for who reads whether restored ones show what they showed."""
    return restorations.lessons(source, game.needs[1])


@ingredient("detected", Detection, when=detecting.both_kinds)
@torch.no_grad()
def detected(game: Detection, source: Source, seed: int) -> Detected:
    """How unusual the game finds held-out images, and where; the same on every process."""
    return detecting.detected(game, source, seed)


@ingredient(
    "masked", Detection, when=lambda game, source: detecting.both_kinds(game, source) and _has(source, ["mask"])
)
def masked(game: Detection, source: Source, seed: int) -> bool:
    """Is it known where the defects are?"""
    return True


@ingredient("normal_19", Detection, when=lambda game, source: detecting.normal(game, source) >= 19)
@ingredient("normal_99", Detection, when=lambda game, source: detecting.normal(game, source) >= 99)
def normal(game: Detection, source: Source, seed: int) -> bool:
    """Are there normal images enough for a threshold of 5 or of 1 % false alarms?"""
    return True


@ingredient("samples", Synthesis)
def drawn(game: Synthesis, source: Source, seed: int) -> Sampler:
    """Samples, with the labels that they were drawn for."""
    key, condition = source.spec.keys[0], game.condition
    if condition is None:
        return Sampler(lambda k: shown(game.sample(k)), like=key)

    def labelled(k: int) -> tuple[Tensor, Tensor]:
        label = game.draw_label(k)
        if label is None:  # codes of the game's own: all alike
            label = rng.randint(len(game.labels), k, device=game.device)
        return shown(game.sample(k, label)), label

    asked = condition.kind == "class" or condition.key in game.needs  # classes may be codes of the game's own
    return Sampler(labelled, condition.kind if asked else None, like=key)


@ingredient("samples", Translation, when=lambda game, source: _sampled(game, source) is not None)
def translated(game: Translation, source: Source, seed: int) -> Sampler:
    """Held-out images of one domain as images of another, with their labels: so many as there are."""
    way = _sampled(game, source)
    assert way is not None
    (start, to), held_out = way, held_out_of(source)
    name = teaching.classes_of(held_out, start, game.asked)
    label = name if name == f"label_{start}" else None
    making = translations.Making(game, source, seed, start, to)
    return Sampler(_Translated(making, label), label and "class", len(held_out.columns[start]), like=to)


@ingredient("translations", Translation, when=lambda game, source: bool(translations.ways(game, source)))
def turned(game: Translation, source: Source, seed: int) -> Translations:
    """Held-out images, and what becomes of them each way; not before they pass by."""
    return translations.translations(game, source, seed)


@ingredient("map_lesson", Translation, when=lambda game, source: teaching.map_lesson(game, source) is not None)
def map_lesson(game: Translation, source: Source, seed: int) -> MapLesson | None:
    """Pairs of label maps and images, for who reads the images that a game makes from maps."""
    return teaching.map_lesson(game, source)


@ingredient("label_lesson", Translation, when=lambda game, source: teaching.label_lesson(game, source) is not None)
def label_lesson(game: Translation, source: Source, seed: int) -> ReadLesson | None:
    """Images with their labels, for who reads whether translations show what they were asked for."""
    return teaching.label_lesson(game, source)


@ingredient("class_lessons", Translation, when=lambda game, source: bool(_classes(game, source)))
def class_lessons(game: Translation, source: Source, seed: int) -> dict[str, ReadLesson]:
    """Images with their classes, by domain, for who reads whether translations show what their input showed."""
    return _classes(game, source)


for _name, _kind in (("refined_classes", "class"), ("refined_numbers", "numbers")):
    MADE.append(Made(_name, (Translation,), partial(refining.refined, _kind), partial(refining.possible, _kind)))


@ingredient("probed_attribute", Translation, when=lambda game, source: coding.attributes(game, source) is not None)
def probed_attribute(game: Translation, source: Source, seed: int) -> Probed:
    """Codes, with the domain or the attributes of their images."""
    return coding.probed(game, source, seed, "attribute")


@ingredient("probed_content", Translation, when=lambda game, source: coding.content(game, source) is not None)
def probed_content(game: Translation, source: Source, seed: int) -> Probed:
    """Codes, with the classes of their images."""
    return coding.probed(game, source, seed, "content")


@ingredient("together", Synthesis, when=lambda game, source: coding.draws_together(game))
def together(game: Synthesis, source: Source, seed: int) -> Together:
    """Images of several domains, latent by latent."""
    return coding.together(game, source, seed)


@ingredient("paths", Synthesis, when=lambda game, source: source.spec.is_image)
def paths(game: Synthesis, source: Source, seed: int) -> Paths:
    """Ways between latents, and the images along them."""
    return coding.paths(game, source, seed)


@ingredient("agreeing", Synthesis, when=lambda game, source: len(coding.taught(source)) > 1)
def agreeing(game: Synthesis, source: Source, seed: int) -> bool:
    """Are classes of training images of several domains known?"""
    return True


@ingredient("related", Synthesis, when=lambda game, source: source.judged.relation is not None)
def related(game: Synthesis, source: Source, seed: int) -> bool:
    """Do the data say what belongs together?"""
    return True


@ingredient("unseen", Synthesis, when=lambda game, source: _held_out(game, source) and _told_captions(game, source))
def unseen(game: Synthesis, source: Source, seed: int) -> Callable[[int], tuple[Tensor, Tensor]]:
    """Samples for captions that were held out, each as often as there."""
    split = held_out_of(source)

    def sample(k: int) -> tuple[Tensor, Tensor]:
        index = rng.randint(len(split), k).numpy()
        label = split.stored({"caption": index})["caption"].to(game.device)
        return shown(game.sample(k, label)), label

    return sample


@ingredient("smallest", Sizes, when=_told_captions)
def smallest(game: Sizes, source: Source, seed: int) -> Callable[[int], tuple[Tensor, Tensor]]:
    """The smallest of the images that a game draws for captions by the distribution of its data."""

    @torch.no_grad()
    def sample(k: int) -> tuple[Tensor, Tensor]:
        label = game.draw_label(k)
        assert label is not None
        return shown(game.images(game.noise(k, label), label)[0]), label

    return sample


@ingredient("reference_labels", when=lambda game, source: _classes_known(game, source) and "label" in source.spec.keys)
def reference_labels(game: Game, source: Source, seed: int) -> ReferenceLabels:
    """The classes of held-out and training images."""
    heldout, train = (torch.from_numpy(part.columns["label"][:]) for part in (held_out_of(source), source.train))
    return ReferenceLabels(source.spec.classes, heldout, train)


@ingredient("mixture", when=lambda game, source: source.judged.mixture is not None)
def mixture(game: Game, source: Source, seed: int) -> tuple[Tensor, float]:
    """The centres [K, D] and the deviation of the Gaussians that the points come from."""
    assert source.judged.mixture is not None
    centres, std = source.judged.mixture
    return torch.as_tensor(centres), std


def _classes(game: Translation, source: Source) -> dict[str, ReadLesson]:
    return teaching.class_lessons(source, game.domains, game.asked)


class _Translated:
    """k more translations, with their labels, at each call."""

    def __init__(self, making: translations.Making, label: str | None):
        self.making, self.label, self.next = making, label, dist.rank()

    def __call__(self, k: int) -> Tensor | tuple[Tensor, Tensor]:
        making, split = self.making, self.making.held_out
        index = ((torch.arange(k) * dist.world() + self.next) % len(split.columns[making.start])).numpy()
        self.next += k * dist.world()
        step = translations.at_a_time(making.fields[making.start].shape, CHUNK)
        parts = [making.made(index[at : at + step], index[at : at + step]) for at in range(0, k, step)]
        images = shown(torch.cat(parts).to(making.game.device))
        if self.label is None:
            return images
        return images, split.batch({self.label: index})[self.label].to(making.game.device)


def _sampled(game: Translation, source: Source) -> tuple[str, str] | None:
    """The way of the translations that count as samples: the second domain as the first, else the usual way to images.

    So it has been since the first scores of translations.
    """
    possible = [way for way in translations.ways(game, source) if source.spec.fields[way[1]].kind == "image"]
    first = tuple(reversed(game.domains[:2]))
    return next((way for way in (first, game.way(), *possible) if way in possible), None)


def _has(source: Source, keys: Iterable[str]) -> bool:
    return source.heldout is not None and all(key in source.heldout.columns for key in keys)


def _images(split: Split, key: str) -> Iterable[Tensor]:
    """The images of one key in chunks, as often as they are asked for; without those that are known to be defective."""
    keys = (key, "defect") if "defect" in split.columns else (key,)

    class Chunks:
        def __iter__(self) -> Iterator[Tensor]:
            for batch in batches(split, *keys):
                yield batch[key][batch["defect"] == 0] if "defect" in batch else batch[key]

    return Chunks()
