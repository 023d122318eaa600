"""Do translations show what their input showed? A judge says it: a classifier that learned the target's classes.

A picture may be of the target's style and of another class: losses without pairs allow it. Beside the score stand the
judge's own: on the input as it is, and on real images of the target, whose mistakes are the judge's alone. The judge is
one that is given, or is trained here on the target's training images, where their classes are known.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..base.errors import UsageError, some
from .evidence import Evidence, Ingredient
from .metric import Compared, Metric
from .reading import ReadLesson, reader
from .translated import INPUT, TRANSLATIONS, Each, Turned, Way, joined
from .uncertainty import share_error

REAL = "real images"  # of the target


@dataclass(frozen=True)
class Judge:
    """Who tells classes apart: by its name, a hash of its weights, and what it says of images [N, C, H, W] → [N]."""

    name: str
    hash: str
    classes: tuple[str, ...]
    says: Callable[[Tensor], Tensor]

    def right(self, images: Tensor, labels: Tensor) -> Tensor:
        """1 where the judge's class of images [N, C, H, W] is `labels` [N], else 0; NaN where that is unknown, -1.

        float [N]. UsageError for classes that it does not know.
        """
        if int(labels.max()) >= len(self.classes):
            raise UsageError(
                f"the judge {self.name} knows {len(self.classes)} classes, {some(self.classes)}, and the data have one "
                f"of number {int(labels.max())}; give a judge of these data's classes"
            )
        found = (self.says(images).cpu() == labels.cpu()).double()
        return torch.where(labels.cpu() < 0, torch.nan, found)


Who = Callable[[Mapping[str, Any], Way], Judge]  # judges a way, of the ingredients by name


def _given(tools: Mapping[str, Any], way: Way) -> Judge:
    return tools["judge"]


def taught(tools: Mapping[str, Any], way: Way) -> Judge:
    """Who was trained on images of the target."""
    return _trained(tools["class_lessons"][way.to])


def versed(tools: Mapping[str, Any], way: Way) -> Judge:
    """Who was trained on images such as are given."""
    return _trained(tools["class_lessons"][way.start])


def _trained(lesson: ReadLesson) -> Judge:
    names = lesson.traits.condition.names
    return Judge("trained here", lesson.digest, names, lambda images: reader(lesson).read(images)[:, 0])


def _look(who: Who, turned: Turned) -> dict[str, Tensor]:
    assert turned.labels is not None
    assert turned.way is not None
    judge = who(turned.tools, turned.way)
    images = {"": turned.made} | ({INPUT: turned.given} if turned.given.shape[1] == turned.made.shape[1] else {})
    return {whose: judge.right(x, turned.labels) for whose, x in images.items()}


def _measure(who: Who, each: Each, evidence: Evidence) -> Compared:
    translations, ways = evidence[TRANSLATIONS], {}
    tools = {need.name: evidence[need] for need in each.needs}
    for way in translations.ways:
        if way.name not in evidence[each]:
            continue
        kept = dict(evidence[each][way.name])
        if way.real_labels is not None:
            real, judge = way.real_labels(translations.reals(way)), who(tools, way)
            kept[REAL] = torch.cat([judge.right(images, labels) for images, labels in real])
        shares = {whose: values[~values.isnan()] for whose, values in kept.items()}
        if not len(shares[""]):
            raise UsageError(f"no class of a held-out image is known, {way.name}; a judge needs some")
        means = {whose: float(values.mean()) for whose, values in shares.items() if len(values)}
        value = means.pop("")
        ways[way.name] = {"value": value, "uncertainty": share_error(value, len(shares[""]))} | means
    return joined(ways)


def _label_accuracy(evidence: Evidence) -> Compared:
    """With the points by which fewer classes are seen than in the input, where it is of the same domain."""
    found = _measure(taught, EACH_TAUGHT, evidence)
    if any(way.start != way.to for way in evidence[TRANSLATIONS].ways):
        return found
    return found._replace(details={"points lost": 100 * (found.beside[INPUT] - found.value)})


def _alike(way: Way) -> bool:
    """Are given and made images of as many channels?"""
    return all(way.pictures) and way.fields[way.start].planes == way.shape[0]


JUDGE: Ingredient[Judge] = Ingredient(
    "judge",
    "a judge of classes: --judge digits for handwritten ones, or --judge RUN, a run that classifies",
    entries=lambda judge, _: {"judge": judge.name, "judge_hash": judge.hash},
)
EACH = Each(
    "judged",
    "a game that translates to images, and held-out ones whose classes are known",
    needs=(JUDGE,),
    look=partial(_look, _given),
    when=lambda way: way.labelled and way.pictures[1],
)
CLASS_LESSONS: Ingredient[Mapping[str, ReadLesson]] = Ingredient(
    "class_lessons",
    "a game that translates to images, held-out ones whose classes are known, and the classes of training images",
    entries=lambda lessons, _: {"class_readers": ", ".join(lesson.digest for lesson in lessons.values())},
)  # by the key of a domain
EACH_TAUGHT = Each(
    "class_kept",
    CLASS_LESSONS.lacking,
    needs=(CLASS_LESSONS,),
    look=partial(_look, taught),
    when=lambda way: way.labelled and way.taught and way.pictures[1],
)
EACH_VERSED = Each(
    "class_as_given",
    "a game that translates to images of another domain, as many channels, and the classes of those that are given",
    needs=(CLASS_LESSONS,),
    look=partial(_look, versed),
    when=lambda way: way.labelled and way.versed and way.start != way.to and _alike(way),
)

METRICS = {
    "task_accuracy": Metric(
        "share of translations in which a judge sees the class of their input",
        "higher",
        (TRANSLATIONS, JUDGE, EACH),
        partial(_measure, _given, EACH),
        chooses=False,  # labels that are held out do not choose
    ),
    "label_accuracy": Metric(
        "the same, as a classifier sees it that is trained on the target's training images",
        "higher",
        (TRANSLATIONS, CLASS_LESSONS, EACH_TAUGHT),
        _label_accuracy,
        chooses=False,
    ),
    "labels_kept": Metric(
        "the same, as a classifier sees it that is trained on images such as are given",
        "higher",
        (TRANSLATIONS, CLASS_LESSONS, EACH_VERSED),
        partial(_measure, versed, EACH_VERSED),
        chooses=False,
    ),
}
