"""How far images are from being symmetric, and how restless they are. Huang et al., 2017, Section 3.2.

https://arxiv.org/abs/1704.04086
"""

import torch
from torch import Tensor
from torch.nn.functional import conv2d


def asymmetry(x: Tensor) -> Tensor:
    """|left half - mirrored right half| of maps [N, C, H, W], summed over places; the mean over images and channels.

    The left half is the better known one: only the right one gets a gradient, so that it learns from the left.

    Returns [].
    """
    half = x.shape[3] // 2
    left, right = x[..., :half].detach(), x[..., x.shape[3] - half :].flip(3)
    return summed((left - right).abs())


def with_edges(x: Tensor) -> Tensor:
    """Images x [N, C, H, W] and, channel by channel, 8 times each pixel less its eight neighbours.  [N, 2C, H, W]

    Pixels outside count as 0.
    """
    kernel = -torch.ones(x.shape[1], 1, 3, 3, device=x.device, dtype=x.dtype)
    kernel[:, :, 1, 1] = 8
    return torch.cat((x, conv2d(x, kernel, padding=1, groups=x.shape[1])), 1)


def variation(x: Tensor) -> Tensor:
    """Sum of |differences| of neighbours in a column and in a row of images [N, C, H, W]; the mean over images.

    Returns [].
    """
    rows, columns = (x[:, :, 1:] - x[:, :, :-1]).abs(), (x[..., 1:] - x[..., :-1]).abs()
    return rows.sum((1, 2, 3)).mean() + columns.sum((1, 2, 3)).mean()


def summed(x: Tensor) -> Tensor:
    """Of maps [N, C, H, W] the sum over places, the mean over images and channels.  Returns []."""
    return x.sum((2, 3)).mean()
