"""Do the images that one latent shows in two domains show the same? By classifiers of each domain, and pixel by pixel.

A game that learns domains without pairs may agree with itself on anything. So each domain's images are read by a
classifier that is trained here on that domain's training images, and where the source knows how its domains belong
together, pixels are compared (Liu and Tuzel, 2016, Section 3, https://arxiv.org/abs/1606.07536).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from .blocks import double
from .evidence import Evidence, Ingredient
from .l1 import l1
from .metric import Compared, Metric
from .reading import ReadLesson, reader
from .uncertainty import mean_error, share_error

CHANCE = "independent images"  # stands beside: of pairs whose images are of two latents


@dataclass(frozen=True)
class Together:
    """All images of some latents, and what is known of the domains."""

    images: Mapping[str, Tensor]  # by domain: [N, C, H, W] in [-1, 1]
    lessons: Mapping[str, ReadLesson]  # by domain: training images whose classes are known
    real: Callable[[str], tuple[Tensor, Tensor]]  # a domain's held-out images, and their classes [M], -1 where unknown
    relation: Callable[[Tensor], Tensor] | None = None  # from images of the first domain to those of the second


def agreement(together: Together) -> Compared:
    """Share of latents in whose images the domains' classifiers see one class; details tell how well these read."""
    said, details = [], {}
    for key, lesson in together.lessons.items():
        reads = reader(lesson)
        images, labels = together.real(key)
        known = labels >= 0
        said.append(reads.read(together.images[key])[:, 0])
        if known.any():
            details[f"reader of {key}"] = float(double(reads.read(images[known])[:, 0] == labels[known]).mean())
    rows = torch.stack(said)
    share = float(double((rows == rows[0]).all(0)).mean())
    classes = max(len(lesson.traits.condition.names) for lesson in together.lessons.values())
    shares = torch.stack([torch.bincount(row, minlength=classes) / len(row) for row in rows])
    return Compared(share, share_error(share, rows.shape[1]), details, {CHANCE: float(shares.prod(0).sum())})


def difference(together: Together) -> Compared:
    """Mean difference of a pixel of the second image from what belongs to the first, as a share of the range."""
    assert together.relation is not None
    first, second = list(together.images.values())[:2]
    wanted = together.relation(first)
    each = l1(second, wanted)
    return Compared(float(each.mean()), mean_error(each), {}, {CHANCE: float(l1(second, wanted.roll(1, 0)).mean())})


TOGETHER: Ingredient[Together] = Ingredient(
    "together",
    "a game that draws images of several domains of one latent",
    entries=lambda pairs, _: {
        "latents": len(next(iter(pairs.images.values()))),
        "class_readers": ", ".join(lesson.digest for lesson in pairs.lessons.values()),
    },
)
AGREEING: Ingredient[bool] = Ingredient("agreeing", f"{TOGETHER.lacking}, and the classes of training images of each")
RELATED: Ingredient[bool] = Ingredient("related", f"{TOGETHER.lacking}, and data that say what belongs together")


def _of(measure: Callable[[Together], Compared]) -> Callable[[Evidence], Compared]:
    return lambda evidence: measure(evidence[TOGETHER])


METRICS = {
    "pair_agreement": Metric(
        "share of latents whose images show one class in all domains, as classifiers trained for it read them",
        "higher",
        (TOGETHER, AGREEING),
        _of(agreement),
        chooses=False,  # labels that a game must not see do not choose
    ),
    "pair_difference": Metric(
        "mean difference of a pixel of a latent's second image from what belongs to its first, as a share of the range",
        "lower",
        (TOGETHER, RELATED),
        _of(difference),
    ),
}
