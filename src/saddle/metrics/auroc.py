"""Are defective images distinguished from normal ones? By the area under the receiver operating characteristic.

That is the chance that a random defective image gets a higher score than a random normal one, ties counted half: 1 for
a perfect detector, 0.5 for chance. Its error is that of Hanley & McNeil, 1982.
https://doi.org/10.1148/radiology.143.1.7063747
"""

from torch import Tensor

from ..layers.simple_detectors import area
from .detected import DETECTED, Detected, checked, compared
from .metric import Compared, Estimate, Metric

__all__ = ["METRICS", "Detected", "auroc"]


def auroc(scores: Tensor, defective: Tensor) -> Estimate:
    """The area for scores [N] of images that are defective or not, bool [N], and its standard error.

    UsageError unless there are images of both kinds; SaddleError for scores that are not finite.
    """
    scores, defective = checked(scores, defective)
    found, many, few = area(scores, defective), int(defective.sum()), int((~defective).sum())
    two_defective, two_normal = found / (2 - found), 2 * found**2 / (1 + found)  # chances of being right about two
    spread = (many - 1) * (two_defective - found**2) + (few - 1) * (two_normal - found**2)
    return found, (max(0.0, found * (1 - found) + spread) / (many * few)) ** 0.5


def _beside(detected: Detected) -> Compared:
    error = auroc(detected.scores, detected.defective)[1]
    return compared("auroc", detected, lambda of: auroc(of.scores, of.defective)[0], error)


METRICS = {
    "auroc": Metric(
        "chance that a defective image gets a higher score than a normal one",
        "higher",
        (DETECTED,),
        lambda e: _beside(e[DETECTED]),
    )
}
