"""Spectral and batch norm, as two codes of BigGAN save them, in the form of ours: each is computed once, exactly."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from ..matching import Matching

EPS = 1e-5  # of our batch norm, beside the variance


def by_both(part: Matching, name: str) -> Tensor:
    """torch's spectral norm in use: W / uᵀ W v.  Any shape → same shape; `name` has no `_orig`."""
    w, u, v = (part.tensors[f"{name}_{what}"].double() for what in ("orig", "u", "v"))
    return (w / torch.dot(u, w.flatten(1) @ v)).float()


def by_left(part: Matching, name: str) -> Tensor:
    """BigGAN-PyTorch's spectral norm in use: W / |W v|, v along Wᵀ u; W where it has none.  Any shape → same shape"""
    w, u = part.tensors[name], part.tensors.get(f"{name.removesuffix('weight')}u0")
    if u is None:
        return w
    matrix = w.flatten(1).double()
    v = normalize(u.flatten().double() @ matrix, dim=0, eps=1e-12)
    return (w.double() / torch.linalg.vector_norm(matrix @ v)).float()


def statistics(part: Matching, ours: str, mean: Tensor, variance: Tensor, eps: float = EPS) -> None:
    """Means and variances [C] for one of our batch norms; another ε than ours is a part of the variance.

    (x - m) / √(v + ε) is the same as (x - m) / √((v + ε - ε') + ε').
    """
    part.give(f"{ours}.running_mean", mean)
    part.give(f"{ours}.running_var", variance + (eps - EPS))
    part.give(f"{ours}.num_batches_tracked", torch.tensor(0))
