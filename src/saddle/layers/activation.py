"""Activations that are cheap to differentiate twice."""

from typing import Any

import torch
from torch import Tensor


def leaky_relu(x: Tensor, slope: float = 0.2) -> Tensor:
    """x where it is positive, else slope · x, in place.

    Its second derivative is zero and sends nothing back. torch's sends zeros, and a gradient penalty then computes
    a whole backward pass of them.

    x, any shape → same shape
    """
    return _LeakyReLU.apply(x, slope)


class _LeakyReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: float) -> Tensor:
        y = torch.nn.functional.leaky_relu_(x, slope)
        ctx.mark_dirty(x)
        ctx.save_for_backward(y)
        ctx.slope = slope
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:  # type: ignore[override]
        (y,) = ctx.saved_tensors
        return torch.ops.aten.leaky_relu_backward(gradient, y.detach(), ctx.slope, True), None
