"""Are all classes drawn, and is what was asked for drawn? As a classifier sees it."""

import torch
from torch import Tensor

from ..base.errors import UsageError
from .blocks import double
from .evidence import Ingredient
from .ingredients import DIGITS, LABELS
from .metric import Metric
from .uncertainty import groups, jackknife, least_error, share_error


def rarest_class(logits: Tensor) -> tuple[float, float]:
    """Share of the rarest class among samples with logits [N, K], 0 if one is missing, and its standard error."""
    shares = double(torch.bincount(logits.argmax(1), minlength=logits.shape[1])) / len(logits)
    errors = [share_error(share, len(logits)) for share in shares.tolist()]
    return float(shares.min()), least_error(shares.tolist(), errors)


def purity(logits: Tensor, codes: Tensor) -> tuple[float, float]:
    """Share of samples whose class, as logits [N, K] name it, is the commonest one of their code [N], and its error.

    What a code means is found out here: 1 if every code stands for one class, 1 / K for codes without one.
    """
    share = float(_table(logits, codes).amax(1).sum() / len(logits))
    return share, share_error(share, len(logits))


def information(logits: Tensor, codes: Tensor) -> tuple[float, float]:
    """Mutual information of the code [N] and the class that logits [N, K] name, in nats, with the jackknife's error.

    0 where they have nothing to do with each other, at most log K. N samples of independent ones still give about
    (codes - 1)(K - 1) / 2N.
    """
    codes, rows = codes.to(logits.device), int(codes.max()) + 1
    parts = [_table(logits[part], codes[part], rows) for part in groups(len(logits), logits.device)]
    whole = torch.stack(parts).sum(0)
    return _information(whole), jackknife([_information(whole - part) for part in parts])


def _information(counts: Tensor) -> float:
    joint = counts / counts.sum()
    apart = joint.sum(1, keepdim=True) * joint.sum(0, keepdim=True)
    return float((torch.special.xlogy(joint, joint) - torch.special.xlogy(joint, apart)).sum())


def _table(logits: Tensor, codes: Tensor, rows: int | None = None) -> Tensor:
    """How many samples of each code are of each class, as logits [N, K] name it.  [codes, K]"""
    cells = codes.to(logits.device) * logits.shape[1] + logits.argmax(1)
    rows = rows or int(codes.max()) + 1
    return double(torch.bincount(cells, minlength=rows * logits.shape[1])).view(rows, -1)


def error(predictions: Tensor, labels: Tensor) -> tuple[float, float]:
    """Share of images whose label [N] is not what the game says, log p [N, K], and its standard error."""
    share = float(double(predictions.argmax(1) != labels.to(predictions.device)).mean())
    return share, share_error(share, len(labels))


def conditional_accuracy(logits: Tensor, labels: Tensor) -> tuple[float, float]:
    """Share of logits [N, K] that name the label [N] the sample was drawn for, and its standard error."""
    if labels.shape != logits.shape[:1]:
        raise UsageError(
            f"{len(logits)} samples but labels of shape {tuple(labels.shape)}: one label a sample is needed"
        )
    share = float(double(logits.argmax(1) == labels.to(logits.device)).mean())
    return share, share_error(share, len(logits))


PREDICTIONS: Ingredient[tuple[Tensor, Tensor]] = Ingredient(
    "predictions", "a game that classifies (acgan, sgan), and held-out images whose classes are known"
)  # log p(class | image) [M, K] of held-out images, and their classes int64 [M]

METRICS = {
    "classes": Metric(
        "share of the rarest digit, as the digit classifier sees the samples",
        "higher",
        (DIGITS,),
        lambda e: rarest_class(e[DIGITS]),
    ),
    "accuracy": Metric(
        "share of samples that show the digit asked for",
        "higher",
        (DIGITS, LABELS),
        lambda e: conditional_accuracy(e[DIGITS], e[LABELS]),
    ),
    "error": Metric(
        "share of held-out images whose class the game itself gets wrong",
        "lower",
        (PREDICTIONS,),
        lambda e: error(*e[PREDICTIONS]),
        lambda e: {"reference_count": len(e[PREDICTIONS][1])},
        chooses=False,  # or the best of many by the held-out labels would be scored by the very same labels
    ),
    "purity": Metric(
        "share of samples that show the commonest digit of their code",
        "higher",
        (DIGITS, LABELS),
        lambda e: purity(e[DIGITS], e[LABELS]),
    ),
    "information": Metric(
        "mutual information of code and digit, in nats",
        "higher",
        (DIGITS, LABELS),
        lambda e: information(e[DIGITS], e[LABELS]),
    ),
}
