"""Codes of images and images of latents, of several domains: what probes and readers look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..base import rng
from ..data.source import Split
from ..metrics.pairs_of_latents import Together
from ..metrics.path_length import Pairs, Paths, steps
from ..metrics.probe import Known, Probed, flat
from ..metrics.reading import ReadLesson
from ..metrics.traits import UNKNOWN, Traits
from ..spec import Condition
from ..tasks import Synthesis, Translation
from ..use.latents import slerp
from . import teaching
from .translations import LABEL, at_a_time, spread

if TYPE_CHECKING:
    from ..data.source import Source

LEARNED, ASKED = 2**21, 2**20  # pixels of training and of held-out images, of each domain
LEAST, MOST = 16, 1000  # images of each all the same
DRAWN = 2**22  # pixels of each domain that are drawn of latents


def attributes(game: Translation, source: Source) -> Traits | None:
    """What a code is not to say: of several domains which one; of one the labels of its images."""
    if type(game).code is Translation.code or source.heldout is None:
        return None
    if len(game.domains) > 1:
        there = all(key in source.heldout.columns for key in game.domains)
        return Traits(Condition("class", tuple(map(game.title, game.domains)))) if there else None
    lesson = teaching.label_lesson(game, source)
    return lesson.traits if lesson else None


def content(game: Translation, source: Source) -> Traits | None:
    """What a code is to say: the class of an image, where it is known of every domain."""
    if type(game).code is Translation.code or source.heldout is None:
        return None
    lessons = teaching.class_lessons(source, game.domains, _hidden(game, source))
    known = [teaching.classes_of(source.heldout, key, _hidden(game, source)) for key in game.domains]
    if len(lessons) < len(game.domains) or None in known:
        return None
    return max((lesson.traits for lesson in lessons.values()), key=lambda traits: traits.sizes)


def probed(game: Translation, source: Source, seed: int, about: str) -> Probed:
    """Codes of training and of held-out images of every domain, and what is to be predicted from them."""
    traits = attributes(game, source) if about == "attribute" else content(game, source)
    assert traits is not None
    assert source.heldout is not None
    with rng.apart(seed, "codes of domains"):
        learn, ask = (
            _known(game, source, split, traits, about, pixels)
            for split, pixels in ((source.train, LEARNED), (source.heldout, ASKED))
        )
    return Probed(learn, ask, traits)


def _known(game: Translation, source: Source, split: Split, traits: Traits, about: str, pixels: int) -> Known:
    codes, values = [], []
    for number, key in enumerate(game.domains):
        shape = source.spec.fields[key].shape
        name = teaching.classes_of(split, key, _hidden(game, source)) if about == "content" else LABEL
        places = spread(len(split.columns[key]), _as_many(shape, pixels))
        for some in np.array_split(places, -(-len(places) // at_a_time(shape))):
            codes.append(flat(_code(game, split, key, some)))
            if about == "attribute" and len(game.domains) > 1:
                values.append(torch.full((len(some), 1), number))
            else:
                assert name is not None
                values.append(traits.values(split.batch({name: some})[name]))
    return Known(torch.cat(codes), torch.cat(values))


@torch.no_grad()
def _code(game: Translation, split: Split, key: str, places: np.ndarray) -> Tensor:
    x = split.batch({key: places})[key]
    code = game.code({key: x.to(game.device, game.dtype if x.is_floating_point() else None)}, key)
    assert code is not None
    return code


def _hidden(game: Translation, source: Source) -> Condition | None:
    """Of one domain its labels are what a code is not to say."""
    return source.spec.condition if len(game.domains) == 1 else game.asked


def draws_together(game: Synthesis) -> bool:
    return type(game).together is not Synthesis.together


@torch.no_grad()
def together(game: Synthesis, source: Source, seed: int) -> Together:
    """All images of so many latents, the same on every process."""
    shape = source.spec.shape
    parts: list[dict[str, Tensor]] = []
    with rng.apart(seed, "together"):
        left = _as_many(shape, DRAWN)
        while left > 0:
            n = min(left, at_a_time(shape))
            drawn = game.together(game.noise(n))
            parts.append({key: x.float().cpu() for key, x in drawn.items()})
            left -= n
    images = {key: torch.cat([part[key] for part in parts]) for key in parts[0]}

    def real(key: str) -> tuple[Tensor, Tensor]:
        split = source.heldout
        name = teaching.classes_of(split, key) if split and key in split.columns else None
        if split is None or name is None:
            return images[key][:0], torch.full((0,), UNKNOWN)
        batch = split.batch(dict.fromkeys((key, name), spread(len(split.columns[key]), MOST)))
        return batch[key], batch[name]

    return Together(images, taught(source), real, source.judged.relation)


def paths(game: Synthesis, source: Source, seed: int) -> Paths:
    """Ways between latents of one label: straight between styles, else on the great circle. Alike on every process."""

    def ends(n: int) -> tuple[Tensor, Tensor, Tensor | None]:
        label = game.draw_label(n)
        a, b = (game.searched(game.noise(n, label), label) for _ in range(2))
        return a, b, label

    @torch.no_grad()
    def images(n: int, whole: bool, epsilon: float) -> Pairs:
        most = at_a_time(source.spec.shape)
        for start in range(0, n, most):
            with rng.apart(seed, "paths", start):
                a, b, label = ends(min(most, n - start))
                t = rng.rand(len(a), device=a.device).to(a.dtype).view(-1, *[1] * (a.ndim - 1)) * whole

            def decode(z: Tensor, label: Tensor | None = label, start: int = start) -> Tensor:
                with rng.apart(seed, "paths", "images", start):  # what is left to chance is the same in both
                    return game.decode(z, label)

            yield steps(decode, a, b, t, slerp if a.ndim == 2 else torch.lerp, epsilon)

    with rng.apart(seed, "paths"), torch.no_grad():
        return Paths("z" if ends(1)[0].ndim == 2 else "w", images)


def taught(source: Source) -> dict[str, ReadLesson]:
    """By domain, training images whose classes are known."""
    return teaching.class_lessons(source, [key for key, field in source.spec.fields.items() if field.kind == "image"])


def _as_many(shape: tuple[int, ...], pixels: int) -> int:
    return min(MOST, max(LEAST, pixels // (shape[-2] * shape[-1])))
