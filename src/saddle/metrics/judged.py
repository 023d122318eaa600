"""Do translations show what their input showed? A judge says it: a classifier that learned the target's classes.

A picture may be of the target's style and of another class: losses without pairs allow it. Beside the score stand the
judge's own: on the input as it is, and on real images of the target, whose mistakes are the judge's alone.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..base.errors import UsageError, some
from .evidence import Evidence, Ingredient
from .metric import Compared, Metric
from .translated import INPUT, TRANSLATIONS, Each, Turned, joined
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
        """1 where the class [N] is the one that it says, else 0; NaN where it is unknown, -1. float [N]

        UsageError for classes that it does not know.
        """
        if int(labels.max()) >= len(self.classes):
            raise UsageError(
                f"the judge {self.name} knows {len(self.classes)} classes, {some(self.classes)}, and the data have one "
                f"of number {int(labels.max())}; give a judge of these data's classes"
            )
        found = (self.says(images).cpu() == labels.cpu()).double()
        return torch.where(labels.cpu() < 0, torch.nan, found)


def _look(turned: Turned) -> dict[str, Tensor]:
    judge: Judge = turned.tools["judge"]
    assert turned.labels is not None
    return {"": judge.right(turned.made, turned.labels), INPUT: judge.right(turned.given, turned.labels)}


def _measure(evidence: Evidence) -> Compared:
    judge, translations, ways = evidence[JUDGE], evidence[TRANSLATIONS], {}
    for way in translations.ways:
        if way.name not in evidence[EACH]:
            continue
        kept = dict(evidence[EACH][way.name])
        if way.real_labels is not None:
            real = way.real_labels(translations.reals(way))
            kept[REAL] = torch.cat([judge.right(images, labels) for images, labels in real])
        shares = {whose: values[~values.isnan()] for whose, values in kept.items()}
        if not len(shares[""]):
            raise UsageError(f"no class of a held-out image is known, {way.name}; a judge has nothing to go by")
        means = {whose: float(values.mean()) for whose, values in shares.items() if len(values)}
        value = means.pop("")
        ways[way.name] = {"value": value, "uncertainty": share_error(value, len(shares[""]))} | means
    return joined(ways)


JUDGE: Ingredient[Judge] = Ingredient(
    "judge",
    "a judge of classes: --judge digits for handwritten ones, or --judge RUN, a run that classifies",
    entries=lambda judge, _: {"judge": judge.name, "judge_hash": judge.hash},
)
EACH = Each(
    "judged",
    "a game that translates to images, and held-out ones whose classes are known",
    needs=(JUDGE,),
    look=_look,
    when=lambda way: way.labelled and way.pictures[1],
)

METRICS = {
    "task_accuracy": Metric(
        "share of translations in which a judge sees the class of their input",
        "higher",
        (TRANSLATIONS, JUDGE, EACH),
        _measure,
        chooses=False,  # labels that are held out do not choose
    )
}
