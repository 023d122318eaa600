"""Whose face is it still? The share of restored images whose nearest known one is of the same person: rank-1.

Of every held-out person one true image is known, the first, and all others are asked for. Images are as alike as the
cosine of their features in a small network, which learned to name the people of true training images, and never saw
those who are asked for. It is never the game's, nor one that a game's loss looks through. Huang et al., 2017, Section
4.2, https://arxiv.org/abs/1704.04086
"""

from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from ..base.errors import UsageError
from .evidence import Evidence, Ingredient
from .judged import CLASS_LESSONS, REAL
from .learned import Lesson, at_most, digest, fitted, once, step
from .metric import Compared, Metric
from .reading import ReadLesson
from .restored import RESTORATIONS, RESTORED, outdone
from .uncertainty import share_error

SIDE, STEPS, BATCH, RATE = 32, 300, 32, 4e-3
MOST = 1450  # training images that it learns from
UNITS, SHARP = 64, 16.0  # numbers of a feature; logits are cosines times that


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
        """Unit vectors float64 [N, 64] of images [N, C, H, W] in about [-1, 1]."""
        small = at_most(images.cpu().float().clamp(-1, 1), SIDE)
        return torch.cat([normalize(self.body(part).double()) for part in small.split(256)])


def recogniser(lesson: ReadLesson) -> Recogniser:
    """Trained on up to 1,450 of these images, evenly spaced, and their classes; always the same one of the same."""

    def learned() -> Recogniser:
        places = np.linspace(0, lesson.count - 1, min(lesson.count, MOST)).round().astype(np.int64)
        parts = [lesson.take(part) for part in np.array_split(places, -(-len(places) // 64))]
        images = torch.cat([at_most(x.float(), SIDE) for x, _ in parts])
        labels = torch.cat([values[:, 0] for _, values in parts])

        def take(some: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
            return images[some], labels[some]

        network = partial(Recogniser, lesson.channels, *lesson.traits.sizes)
        small = Lesson(lesson.mark, len(places), take)
        return fitted(network, small, cross_entropy, steps=STEPS, batch=BATCH, rate=RATE)

    return once(_digest(lesson), learned)


def _digest(lesson: ReadLesson) -> str:
    return digest("recogniser", lesson.mark, SIDE, STEPS, BATCH, RATE, MOST, UNITS, SHARP)


def known(labels: Tensor) -> Tensor:
    """The places of everybody's first image, of labels int64 [N]. UsageError if nobody is left to ask for.

    int64 [people]
    """
    first = torch.tensor([int((labels == person).nonzero()[0]) for person in labels.unique()], dtype=torch.int64)
    if len(first) < 2 or len(first) == len(labels):
        raise UsageError(
            f"rank-1 asks for people of whom one image is known; {len(labels)} held-out images of {len(first)} people "
            "leave nobody to be distinguished: it takes two people, and two images of somebody"
        )
    return first


def right(asked: Tensor, gallery: Tensor, labels: Tensor, known: Tensor) -> Tensor:
    """Of features [N, F] of all images: is the nearest of the `known` ones of the same person? float64 [N - K]

    `gallery` [N, F] are those of the true images. Those that are known are not asked for.

    Each is [N, …].
    """
    rest = torch.ones(len(labels), dtype=torch.bool)
    rest[known] = False
    nearest = (asked[rest] @ gallery[known].T).argmax(1)
    return (labels[known][nearest] == labels[rest]).double()


def _measure(evidence: Evidence) -> Compared:
    restored, (lesson,) = evidence[RESTORED], evidence[CLASS_LESSONS].values()
    assert restored.labels is not None
    there = restored.labels >= 0
    net, labels = recogniser(lesson), restored.labels[there]
    first, gallery = known(labels), net.features(restored.truth[there])

    def share(images: Tensor) -> float:
        return float(right(net.features(images[there]), gallery, labels, first).mean())

    value, beside = share(restored.images), {whose: share(images) for whose, images in restored.beside.items()}
    note = outdone("rank1", value, beside)
    of = len(labels) - len(first)
    return Compared(value, share_error(value, of), beside=beside | {REAL: share(restored.truth)}, note=note)


PEOPLE = Ingredient(
    "people",
    f"{RESTORED.lacking}, of which it is known whose they are as of training images",
    make=_measure,
    needs=(RESTORATIONS, RESTORED, CLASS_LESSONS),
    can=lambda evidence: evidence.given["restorations"].labelled,
    entries=lambda _, e: {"recogniser": _digest(*e[CLASS_LESSONS].values())},
)

METRICS = {
    "rank1": Metric(
        "share of restored images whose nearest known one is of the same person, as a network trained for it sees them",
        "higher",
        (PEOPLE,),
        lambda e: e[PEOPLE],
        chooses=False,  # labels that are held out do not choose
    )
}
