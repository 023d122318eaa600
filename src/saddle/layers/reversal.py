"""A layer that changes nothing on the way forward and turns gradients round. Ganin et al., 2016, Section 4.2.

https://arxiv.org/abs/1505.07818
"""

from typing import Any

import torch
from torch import Tensor


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, factor: float) -> Tensor:
        context.factor = factor
        return x.view_as(x)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Any:
        return -context.factor * gradient, None


def reversed_gradient(x: Tensor, factor: float) -> Tensor:
    """x itself, whose gradient g is -factor · g.  Any shape → same shape"""
    return _Reversal.apply(x, factor)  # type: ignore[no-any-return, no-untyped-call]
