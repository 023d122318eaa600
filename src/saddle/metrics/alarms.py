"""How good is a threshold for defective images? And how long does it take to ask?

Average precision is Σ (Rₖ - Rₖ₋₁) Pₖ over all thresholds. The greatest F1 comes with its threshold. Recall is what a
factory asks: the share of defective images that is found where a given share of the normal ones raises a false alarm.
"""

import math
from fractions import Fraction

import torch
from torch import Tensor

from ..base.errors import UsageError
from .detected import DETECTED, Detected, checked, compared
from .evidence import Ingredient
from .metric import Compared, Estimate, Metric
from .uncertainty import mean_error, share_error

AGAIN = 200  # draws of normal images, for how sure a threshold is
Curve = tuple[Tensor, Tensor, Tensor]


def curve(scores: Tensor, defective: Tensor) -> Curve:
    """Precision, recall and threshold [K] where all images with that score or a higher one raise an alarm.

    From the highest of the different scores to the lowest. UsageError, SaddleError as `checked`.
    """
    scores, defective = checked(scores, defective)
    order = scores.argsort(descending=True)
    last = torch.cat([scores[order].diff() != 0, torch.ones(1, dtype=torch.bool)])  # of equal scores
    found = defective[order].double().cumsum(0)
    alarms = torch.arange(1, len(scores) + 1, dtype=torch.float64)
    return (found / alarms)[last], (found / found[-1])[last], scores[order][last]


def average_precision(scores: Tensor, defective: Tensor) -> float:
    """Σ (Rₖ - Rₖ₋₁) Pₖ, without interpolation, for scores [N] of images that are defective or not, bool [N]."""
    precision, recall, _ = curve(scores, defective)
    return float((recall.diff(prepend=recall.new_zeros(1)) * precision).sum())


def best_f1(scores: Tensor, defective: Tensor) -> tuple[float, float]:
    """The greatest F1 = 2 P R / (P + R), and its threshold, in the middle between the two neighbouring scores.

    Images with a higher score raise an alarm; where all must, the threshold lies just below the lowest score.
    UsageError without images of both kinds: of normal ones alone no F1 is defined, whatever the threshold.

    scores float [N], defective [N]
    """
    if not (defective.cpu() > 0).any():
        raise UsageError(
            f"none of {len(defective)} images is defective, so F1 is undefined: a threshold is then a quantile of "
            "the scores of normal images, not the best F1"
        )
    precision, recall, threshold = curve(scores, defective)
    f1 = 2 * precision * recall / (precision + recall).clamp(min=1e-300)
    best = int(f1.argmax())
    if best + 1 == len(threshold):
        return float(f1[best]), float(torch.nextafter(threshold[best], threshold.new_tensor(-math.inf)))
    return float(f1[best]), float((threshold[best] + threshold[best + 1]) / 2)


def conformal(normal: Tensor, false_alarms: float) -> float:
    """The threshold above which another normal image lies at most that often: the ⌈(n + 1)(1 - α)⌉-th least of n.

    UsageError for fewer than 1/α - 1 scores of normal images, with the number that it takes.

    normal float [n]
    """
    n = len(normal)
    if n < needed(false_alarms):
        raise UsageError(
            f"a threshold for {100 * false_alarms:g} % false alarms takes {needed(false_alarms)} normal images, not {n}"
        )
    return float(normal.double().sort().values[_place(n, false_alarms)])


def _place(n: int, false_alarms: float) -> int:
    """Of the threshold among n scores of normal images in order."""
    return n - math.floor((n + 1) * _exact(false_alarms))  # ⌈m - x⌉ = m - ⌊x⌋


def needed(false_alarms: float) -> int:
    """The fewest normal images from which a threshold for such a share of false alarms follows."""
    return math.ceil(1 / _exact(false_alarms)) - 1


def _exact(share: float) -> Fraction:
    """The share as it is written: 0.01 is a hundredth, and not the float beside it."""
    return Fraction(repr(float(share)))


def recall(scores: Tensor, defective: Tensor, false_alarms: float) -> Estimate:
    """The share of the defective images above the conformal threshold of the normal ones, and its standard error.

    Scores are float [N], defective bool [N]. The error is that of the draw of both: of defective images the binomial
    one, and of normal ones the deviation of the share over thresholds of as many normal images, drawn again from these.
    """
    scores, defective = checked(scores, defective)
    normal, many = scores[~defective].sort().values, scores[defective].sort().values
    found = float((many > conformal(normal, false_alarms)).double().mean())
    chance, place = torch.Generator().manual_seed(0), _place(len(normal), false_alarms)
    again = torch.randint(len(normal), (AGAIN, len(normal)), generator=chance).kthvalue(place + 1).values
    shares = 1 - torch.searchsorted(many, normal[again], right=True).double() / len(many)
    return found, math.hypot(share_error(found, len(many)), float(shares.std()))


def _precision(detected: Detected) -> Compared:
    return compared("average_precision", detected, lambda of: average_precision(of.scores, of.defective))


def _f1(detected: Detected) -> Compared:
    threshold = best_f1(detected.scores, detected.defective)[1]
    return compared(
        "f1_max", detected, lambda of: best_f1(of.scores, of.defective)[0], details={"threshold": threshold}
    )


def _recall(detected: Detected, false_alarms: float) -> Compared:
    error = recall(detected.scores, detected.defective, false_alarms)[1]
    return compared(
        f"recall_{100 * false_alarms:g}", detected, lambda of: recall(of.scores, of.defective, false_alarms)[0], error
    )


def _milliseconds(detected: Detected) -> Estimate:
    each = 1000 * detected.seconds if detected.seconds is not None else torch.full((1,), math.nan)
    return float(each.mean()), mean_error(each)


_ENOUGH = "a game that finds what is unusual, held-out images with defects, and {} or more normal ones beside them"
NORMAL_99: Ingredient[bool] = Ingredient("normal_99", _ENOUGH.format(99))
NORMAL_19: Ingredient[bool] = Ingredient("normal_19", _ENOUGH.format(19))
_CONFORMAL = "conformal quantile of the held-out normal images"

METRICS = {
    "average_precision": Metric(
        "precision, the mean over all thresholds by how much recall grows there",
        "higher",
        (DETECTED,),
        lambda e: _precision(e[DETECTED]),
    ),
    "f1_max": Metric(
        "greatest F1 of all thresholds, and the threshold",
        "higher",
        (DETECTED,),
        lambda e: _f1(e[DETECTED]),
    ),
    "recall_1": Metric(
        "share of defective images found where 1 % of normal ones raise an alarm",
        "higher",
        (DETECTED, NORMAL_99),
        lambda e: _recall(e[DETECTED], 0.01),
        lambda e: {"threshold": _CONFORMAL},
    ),
    "recall_5": Metric(
        "the same at 5 % false alarms",
        "higher",
        (DETECTED, NORMAL_19),
        lambda e: _recall(e[DETECTED], 0.05),
        lambda e: {"threshold": _CONFORMAL},
    ),
    "query_ms": Metric(
        "milliseconds that an image takes, on this machine",
        "none",
        (DETECTED,),
        lambda e: _milliseconds(e[DETECTED]),
        chooses=False,
    ),
}
