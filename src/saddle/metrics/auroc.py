"""Are defective images told from normal ones? By the area under the receiver operating characteristic.

That is the chance that a random defective image gets a higher score than a random normal one, ties counted half: 1 for
a perfect detector, 0.5 for chance. Its error is that of Hanley & McNeil, 1982.
https://doi.org/10.1148/radiology.143.1.7063747
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..base.errors import SaddleError, UsageError
from .blocks import double
from .evidence import Ingredient
from .metric import Estimate, Metric


@dataclass(frozen=True)
class Detected:
    """How unusual a game finds held-out images, and which of them are defective."""

    scores: Tensor  # [N], higher for what is less usual
    defective: Tensor  # bool [N]


def auroc(scores: Tensor, defective: Tensor) -> Estimate:
    """The area for scores [N] of images that are defective or not, bool [N], and its standard error.

    UsageError unless there are images of both kinds; SaddleError for scores that are not finite.
    """
    scores, defective = double(scores).cpu(), defective.cpu() > 0
    if scores.shape != defective.shape:
        raise UsageError(f"{len(scores)} scores are given, and of {len(defective)} images it is said what they are")
    many, few = int(defective.sum()), int((~defective).sum())
    if not many or not few:
        raise UsageError(f"the area is between two kinds of images, and {many} are defective, {few} normal")
    if not scores.isfinite().all():
        raise SaddleError(f"{int((~scores.isfinite()).sum())} of {len(scores)} images have no finite score")
    area = (float(_ranks(scores)[defective].sum()) - many * (many + 1) / 2) / (many * few)
    two_defective, two_normal = area / (2 - area), 2 * area**2 / (1 + area)  # chances of being right about two at once
    spread = (many - 1) * (two_defective - area**2) + (few - 1) * (two_normal - area**2)
    return area, (max(0.0, area * (1 - area) + spread) / (many * few)) ** 0.5


def _ranks(values: Tensor) -> Tensor:
    """The rank of each value [N] from 1 for the least; equal values share the mean of their ranks."""
    _, which, counts = torch.unique(values, return_inverse=True, return_counts=True)
    last = counts.cumsum(0).double()
    return (last - (counts - 1) / 2)[which]


DETECTED: Ingredient[Detected] = Ingredient(
    "detected",
    "a game that finds what is unusual, and held-out images of which some are defective",
    entries=lambda detected, _: {
        "reference_count": len(detected.defective),
        "defective_count": int(detected.defective.sum()),
    },
)

METRICS = {
    "auroc": Metric(
        "chance that a defective image gets a higher score than a normal one",
        "higher",
        (DETECTED,),
        lambda e: auroc(e[DETECTED].scores, e[DETECTED].defective),
    )
}
