"""Are all classes drawn, and is what was asked for drawn? As a classifier sees it."""

import torch
from torch import Tensor

from saddle.errors import UsageError
from saddle.metrics.blocks import double
from saddle.metrics.uncertainty import share_error


def rarest_class(logits: Tensor) -> tuple[float, float]:
    """Share of the rarest class among samples with logits [N, K], 0 if one is missing, and its standard error."""
    shares = double(torch.bincount(logits.argmax(1), minlength=logits.shape[1])) / len(logits)
    rarest = float(shares.min())
    return rarest, share_error(rarest, len(logits))


def conditional_accuracy(logits: Tensor, labels: Tensor) -> tuple[float, float]:
    """Share of logits [N, K] that name the label [N] the sample was drawn for, and its standard error."""
    if labels.shape != logits.shape[:1]:
        raise UsageError(
            f"{len(logits)} samples but labels of shape {tuple(labels.shape)}: one label a sample is needed"
        )
    share = float(double(logits.argmax(1) == labels.to(logits.device)).mean())
    return share, share_error(share, len(logits))
