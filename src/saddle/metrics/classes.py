"""Are all classes drawn, and is what was asked for drawn? As a classifier sees it."""

import torch
from torch import Tensor

from ..errors import UsageError
from .blocks import double
from .uncertainty import share_error


def rarest_class(logits: Tensor) -> tuple[float, float]:
    """Share of the rarest class among samples with logits [N, K], 0 if one is missing, and its standard error."""
    shares = double(torch.bincount(logits.argmax(1), minlength=logits.shape[1])) / len(logits)
    rarest = float(shares.min())
    return rarest, share_error(rarest, len(logits))


def purity(logits: Tensor, codes: Tensor) -> tuple[float, float]:
    """Share of samples whose class, as logits [N, K] name it, is the commonest one of their code [N], and its error.

    What a code means is found out here, not told: 1 if every code stands for one class, 1 / K for codes without one.
    """
    named = logits.argmax(1)
    counts = torch.zeros(int(codes.max()) + 1, logits.shape[1], device=logits.device)
    counts.index_put_((codes.to(logits.device), named), torch.ones(len(named), device=logits.device), accumulate=True)
    share = float(double(counts).amax(1).sum() / len(named))
    return share, share_error(share, len(named))


def error(told: Tensor, labels: Tensor) -> tuple[float, float]:
    """Share of images whose label [N] is not what the game says, log p [N, K], and its standard error."""
    share = float(double(told.argmax(1) != labels.to(told.device)).mean())
    return share, share_error(share, len(labels))


def conditional_accuracy(logits: Tensor, labels: Tensor) -> tuple[float, float]:
    """Share of logits [N, K] that name the label [N] the sample was drawn for, and its standard error."""
    if labels.shape != logits.shape[:1]:
        raise UsageError(
            f"{len(logits)} samples but labels of shape {tuple(labels.shape)}: one label a sample is needed"
        )
    share = float(double(logits.argmax(1) == labels.to(logits.device)).mean())
    return share, share_error(share, len(logits))
