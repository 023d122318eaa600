"""What a network sees of the objects in an image."""

import torch
from torch import Tensor


def edges(instances: Tensor) -> Tensor:
    """Numbers of objects, int64 [N, H, W] → their outlines, float [N, 1, H, W]: 1 where a neighbour differs, else 0.

    Neighbours lie above, below, left and right, so that both sides of a border are marked. Wang et al., 2018,
    Section 3.3. https://arxiv.org/abs/1711.11585
    """
    outlines = torch.zeros_like(instances, dtype=torch.bool)
    for axis in (1, 2):
        n = instances.shape[axis] - 1
        differs = instances.narrow(axis, 0, n) != instances.narrow(axis, 1, n)
        outlines.narrow(axis, 0, n).logical_or_(differs)
        outlines.narrow(axis, 1, n).logical_or_(differs)
    return outlines[:, None].float()
