"""Signs of a game's health that losses do not show: how alike its results are, and whether they are at their limits."""

import torch
from torch import Tensor

LIMIT = 0.99  # an image's value beyond it, either way, is at its limit
MOST = 32  # samples that are compared


def spread(samples: Tensor) -> Tensor:
    """Mean distance, [], of two of the samples [N, …], N at least 2."""
    flat = samples[:MOST].flatten(1).float()
    return torch.pdist(flat).mean()


def diversity(made: Tensor, real: Tensor) -> Tensor:
    """Mean distance of two of the results [N, …], relative to that of two real ones [M, …]: [], 0 if all are alike."""
    return spread(made) / spread(real).clamp(min=1e-12)


def saturated(images: Tensor) -> Tensor:
    """Share, [], of the values of images [N, …] in [-1, 1] that are black or white."""
    return (images.abs() > LIMIT).float().mean()
