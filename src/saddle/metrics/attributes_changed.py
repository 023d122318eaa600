"""Do translations show what they were asked for, and is all else as it was? As a classifier reads it.

Each held-out image is asked for another value of one of its traits, and image after image for the next one: another
colour of the hair, then another age. The classifier is trained here on training images, and is never the game's own
(Choi et al., 2018, Section 5.4, https://arxiv.org/abs/1711.09020).
"""

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor

from .evidence import Evidence, Ingredient
from .metric import Compared, Metric
from .reading import Reader, ReadLesson, reader
from .translated import INPUT, KNOWN, TRANSLATIONS, Each, Turned, pooled

REAL = "real images"  # beside the scores: the classifier's result for these
CHANGED, KEPT = 0, 1  # columns of what is kept of each image


def right(said: Tensor, true: Tensor, trait: Tensor) -> Tensor:
    """Of values int64, both [N, P]: is that of the `trait` [N] right, and which share of the others?

    NaN where a value is unknown.  float64 [N, 2]
    """
    same = torch.where(true < 0, torch.nan, (said == true).double())
    one = same.gather(1, trait[:, None])
    others = same.scatter(1, trait[:, None], torch.nan).nanmean(1, keepdim=True)
    return torch.cat([one, others], 1)


def _look(turned: Turned) -> dict[str, Tensor]:
    assert turned.changed is not None
    had, asked, trait = turned.changed
    reads: Reader = turned.tools["label_reader"]
    before, after = reads.read(turned.given), reads.read(turned.made)
    kept = {"": right(after, asked, trait), INPUT: right(before, asked, trait), REAL: right(before, had, trait)}
    return kept | {KNOWN: torch.stack([trait, asked.gather(1, trait[:, None])[:, 0]], 1)}


def _mean(column: int, rows: Tensor) -> float:
    return float(rows[:, column].nanmean())


def _measure(column: int, evidence: Evidence) -> Compared:
    """Of every value that was asked for apart, too."""
    (traits,) = {way.traits for way in evidence[TRANSLATIONS].ways if way.traits}

    def parts(known: Tensor) -> Mapping[str, Tensor]:
        pairs = [(int(trait), int(value)) for trait, value in known.unique(dim=0)]
        return {traits.title(*pair): (known == torch.tensor(pair)).all(1) for pair in pairs}

    return pooled(evidence[EACH], partial(_mean, column), parts)


def _of(column: int) -> Callable[[Evidence], Compared]:
    return partial(_measure, column)


LABEL_LESSON: Ingredient[ReadLesson] = Ingredient(
    "label_lesson", "a game whose translations are asked for labels, and held-out images with theirs"
)
LABEL_READER = Ingredient(
    "label_reader",
    make=lambda e: reader(e[LABEL_LESSON]),
    needs=(LABEL_LESSON,),
    entries=lambda _, e: {"label_reader": e[LABEL_LESSON].digest},
)
EACH = Each(
    "attributes_changed",
    LABEL_LESSON.lacking,
    needs=(LABEL_READER,),
    look=_look,
    when=lambda way: way.traits is not None,
)

METRICS = {
    "attribute_accuracy": Metric(
        "share of translations that show the label that was asked for, as a classifier trained for it reads them",
        "higher",
        (TRANSLATIONS, EACH),
        _of(CHANGED),
    ),
    "attributes_kept": Metric(
        "share of the labels that nobody asked to change that are still there",
        "higher",
        (TRANSLATIONS, EACH),
        _of(KEPT),
    ),
}
