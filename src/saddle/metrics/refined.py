"""Are translations good to learn from? A network learns from translated training images, and is shown real ones.

A network learns from translated images of the first domain, whose class or numbers are known. It then predicts these
for held-out real images of the other domain, where the truth is known too (Shrivastava et al., 2017, Section 3,
https://arxiv.org/abs/1612.07828). Beside it stand the same network trained on images that are not translated, and on
real ones. The latter is the bound: nothing that is learned without labels of real images can be expected to do better.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from torch import Tensor

from .blocks import double
from .evidence import Evidence, Ingredient
from .learned import Lesson
from .metric import Compared, Metric
from .reading import GaugeLesson, ReadLesson, gauge, reader
from .uncertainty import mean_error, share_error

REFINED, RAW, REAL = "refined", "raw images", "real images"  # what a network learns from

L = TypeVar("L", bound=Lesson)


@dataclass(frozen=True)
class Refined(Generic[L]):
    """Lessons by what they are of, REFINED among them, and held-out real images with what they show."""

    lessons: Mapping[str, L]
    images: Tensor  # [N, C, H, W]
    known: Tensor  # int64 [N], -1 where unknown, or float [N, K], NaN likewise


def accuracy(refined: Refined[ReadLesson]) -> Compared:
    """The share of real images whose class is predicted right."""

    def right(lesson: ReadLesson) -> Tensor:
        found = reader(lesson).read(refined.images)[:, 0] == refined.known
        return double(found[refined.known >= 0])

    shares = {what: right(lesson) for what, lesson in refined.lessons.items()}
    means = {what: float(each.mean()) for what, each in shares.items()}
    value = means.pop(REFINED)
    return Compared(value, share_error(value, len(shares[REFINED])), beside=means)


def error(refined: Refined[GaugeLesson]) -> Compared:
    """The mean distance of a predicted number from the true one, over images and numbers; of several each apart."""

    def off(lesson: GaugeLesson) -> Tensor:
        return double((gauge(lesson).read(refined.images) - refined.known).abs())

    errors = {what: off(lesson) for what, lesson in refined.lessons.items()}
    own = errors[REFINED]
    names = refined.lessons[REFINED].names
    details = dict(zip(names, own.nanmean(0).tolist(), strict=True)) if len(names) > 1 else {}
    means = {what: float(each.nanmean()) for what, each in errors.items()}
    value, each = means.pop(REFINED), own.nanmean(1)
    return Compared(value, mean_error(each[~each.isnan()]), details, means)


def _digests(refined: Refined[ReadLesson] | Refined[GaugeLesson], evidence: Evidence) -> dict[str, str | int | float]:
    """Of all but the refined images, which are the game's own."""
    others = (lesson.digest for what, lesson in refined.lessons.items() if what != REFINED)
    return {"learned_from": refined.lessons[REFINED].count, "beside_readers": ", ".join(others)}


CLASSES: Ingredient[Refined[ReadLesson]] = Ingredient(
    "refined_classes",
    "a game that translates images whose classes are known, in training, to another domain whose held-out classes are",
    entries=_digests,
)
NUMBERS: Ingredient[Refined[GaugeLesson]] = Ingredient(
    "refined_numbers",
    "a game that translates images of which numbers are known, in training, to another domain, held out with the same",
    entries=_digests,
)

METRICS = {
    "refined_accuracy": Metric(
        "share of real images whose class is predicted by a classifier that learned from translations",
        "higher",
        (CLASSES,),
        lambda e: accuracy(e[CLASSES]),
        chooses=False,  # labels that are held out do not choose
    ),
    "refined_error": Metric(
        "how far from the truth the numbers are that a network tells of real images and learned from translations",
        "lower",
        (NUMBERS,),
        lambda e: error(e[NUMBERS]),
        chooses=False,
    ),
}
