"""Images moved a little, each its own way: what a discriminator should think the same of."""

import torch
from torch import Tensor
from torch.nn.functional import pad

from ..base import rng


def flip(x: Tensor) -> Tensor:
    """Every image, with chance 1/2, mirrored left to right: [N, C, H, W] → same shape."""
    mirrored = rng.rand(len(x), 1, 1, 1, device=x.device) < 0.5
    return torch.where(mirrored, x.flip(3), x)


def shift(x: Tensor, share: float) -> Tensor:
    """Every image moved by up to `share` of its sides, whole pixels; what moves in is its edge's mirror image.

    [N, C, H, W] → same shape
    """
    n, _, height, width = x.shape
    down, right = round(share * height), round(share * width)
    rows = _window(n, height, down, x)
    columns = _window(n, width, right, x)
    wide = pad(x, (right, right, down, down), mode="reflect")
    image = torch.arange(n, device=x.device)[:, None, None]
    return wide[image, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)  # the indices come first


def _window(n: int, length: int, reach: int, like: Tensor) -> Tensor:
    """n runs of indices into what is `length` + 2 `reach` long.  [n, length]"""
    start = rng.randint(2 * reach + 1, n, 1, device=like.device)
    return start + torch.arange(length, device=like.device)
