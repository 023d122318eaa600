"""Whose face is it still? The share of restored images whose nearest known one is of the same person: rank-1.

Of every held-out person one true image is known, the first, and all others are asked for. Images are as alike as the
cosine of their features in a small network, which learned to name the people of true training images, and never saw
those who are asked for. It is never the game's, nor one that a game's loss looks through. Huang et al., 2017, Section
4.2, https://arxiv.org/abs/1704.04086
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from ..base.errors import UsageError
from .evidence import Evidence, Ingredient
from .learned import Lesson, at_most, digest, fitted, once, step
from .metric import Compared, Metric
from .restored import RESTORED
from .uncertainty import share_error

SIDE, STEPS, BATCH, RATE = 32, 300, 32, 4e-3
MOST = 1450  # training images that it learns from
UNITS, SHARP = 64, 16.0  # numbers of a feature; logits are cosines times that
GIVEN, TRUE = "as they were given", "true images"  # what stands beside: the same share of these


@dataclass(frozen=True)
class PeopleLesson(Lesson):
    """True training images [N, C, H, W] in [-1, 1], and whose they are, int64 [N]."""

    channels: int
    people: int

    @property
    def digest(self) -> str:
        return digest("recogniser", self.mark, SIDE, STEPS, BATCH, RATE, MOST, UNITS, SHARP)


@dataclass(frozen=True)
class People:
    """Who is to be recognised, and from what."""

    lesson: PeopleLesson
    damaged: Callable[[], Tensor]  # [N, C, h, w], what was to be restored
    labels: Tensor  # int64 [N], whose face it is


class Recogniser(nn.Module):
    """Images [N, C, H, W], whose shorter side becomes 32 pixels at most → logits [N, people]."""

    def __init__(self, channels: int, people: int):
        super().__init__()
        body = (step(channels, 16), step(16, 32, 2), step(32, 48, 2), step(48, 64, 2))
        self.body = nn.Sequential(*body, nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(1024, UNITS))
        self.people = nn.Parameter(torch.randn(people, UNITS))

    def forward(self, x: Tensor) -> Tensor:
        return SHARP * normalize(self.body(x)) @ normalize(self.people).T

    @torch.no_grad()
    def features(self, images: Tensor) -> Tensor:
        """Unit vectors float64 [N, 64] of images in about [-1, 1]."""
        small = at_most(images.cpu().float().clamp(-1, 1), SIDE)
        return torch.cat([normalize(self.body(part).double()) for part in small.split(256)])


def recogniser(lesson: PeopleLesson) -> Recogniser:
    """Trained on up to 1,450 of these images, evenly spaced; always the same one of the same."""

    def learned() -> Recogniser:
        places = np.linspace(0, lesson.count - 1, min(lesson.count, MOST)).round().astype(np.int64)
        parts = [lesson.take(part) for part in np.array_split(places, -(-len(places) // 64))]
        images = torch.cat([at_most(x.float(), SIDE) for x, _ in parts])
        labels = torch.cat([label for _, label in parts])

        def take(some: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
            return images[some], labels[some]

        network = partial(Recogniser, lesson.channels, lesson.people)
        small = replace(lesson, count=len(places), take=take)
        return fitted(network, small, cross_entropy, steps=STEPS, batch=BATCH, rate=RATE)

    return once(lesson.digest, learned)


def known(labels: Tensor) -> Tensor:
    """The places of everybody's first image, of labels int64 [N]. UsageError if nobody is left to ask for."""
    first = torch.tensor([int((labels == person).nonzero()[0]) for person in labels.unique()], dtype=torch.int64)
    if len(first) < 2 or len(first) == len(labels):
        raise UsageError(
            f"rank-1 asks for people of whom one image is known; {len(labels)} held-out images of {len(first)} people "
            "leave nobody to be told apart: it takes two people, and two images of somebody"
        )
    return first


def right(asked: Tensor, gallery: Tensor, labels: Tensor, known: Tensor) -> Tensor:
    """Of features [N, F] of all images: is the nearest of the `known` ones of the same person? float64 [N - K]

    `gallery` [N, F] are those of the true images. Those that are known are not asked for.
    """
    rest = torch.ones(len(labels), dtype=torch.bool)
    rest[known] = False
    nearest = (asked[rest] @ gallery[known].T).argmax(1)
    return (labels[known][nearest] == labels[rest]).double()


def _measure(evidence: Evidence) -> Compared:
    restored, people = evidence[RESTORED], evidence[PEOPLE]
    chosen = slice(None) if restored.places is None else restored.places
    labels = people.labels[chosen]
    net, first = evidence[RECOGNISER], known(labels)
    gallery = net.features(restored.truth)

    def share(images: Tensor) -> float:
        return float(right(net.features(images), gallery, labels, first).mean())

    value = share(restored.images)
    beside = {GIVEN: share(people.damaged()[chosen]), TRUE: share(restored.truth)}
    return Compared(value, share_error(value, len(labels) - len(first)), beside=beside)


PEOPLE: Ingredient[People] = Ingredient(
    "people",
    "a game that restores images, and training and held-out ones of which it is known whose they are",
    entries=lambda people, _: {"people": len(people.labels.unique())},
)
RECOGNISER = Ingredient(
    "recogniser",
    make=lambda e: recogniser(e[PEOPLE].lesson),
    needs=(PEOPLE,),
    entries=lambda _, e: {"recogniser": e[PEOPLE].lesson.digest},
)

METRICS = {
    "rank1": Metric(
        "share of restored images whose nearest known one is of the same person, as a network trained for it sees them",
        "higher",
        (RESTORED, PEOPLE, RECOGNISER),
        _measure,
    )
}
