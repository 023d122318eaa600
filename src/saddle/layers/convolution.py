"""A convolution whose second derivative costs what its first does."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d
from torch.nn.grad import conv2d_weight

_How = tuple[Any, Any, int]  # stride, padding, groups


class Conv2d(nn.Conv2d):
    """torch's layer, for networks whose input gradient is itself differentiated, as a gradient penalty does.

    torch's formula for that takes the weight's gradient from a convolution with kernels as large as the image, one
    group after the other. Here the input's gradient is a transposed convolution of its own, and what is asked of that
    is an ordinary backward pass. The gradients of input and weight are two nodes of the graph, neither on the way to
    the other's, so that a backward pass that is asked for one leaves the other out.

    [N, C, H, W] → [N, C', H', W']
    """

    def forward(self, x: Tensor) -> Tensor:
        kind, weight, bias = x.device.type, self.weight, self.bias
        if torch.is_autocast_enabled(kind):
            dtype = torch.get_autocast_dtype(kind)
            x, weight, bias = _cast(x, dtype), _cast(weight, dtype), None if bias is None else _cast(bias, dtype)
        how = self.stride, self.padding, self.groups
        y = _OfInput.apply(x, weight.detach(), None if bias is None else bias.detach(), (weight, *how))
        if torch.is_grad_enabled():
            y = _Sum.apply(y, _OfWeight.apply(x.detach(), weight, bias, (x, y.shape, *how)))
        return y


def _cast(x: Tensor, dtype: torch.dtype) -> Tensor:
    return x.to(dtype) if x.dtype == torch.float32 else x


class _OfInput(torch.autograd.Function):
    """The convolution as a function of its input."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, seen: Tensor, bias: Tensor | None, how: tuple[Any, ...]) -> Tensor:
        ctx.save_for_backward(seen)
        ctx.weight, stride, padding, groups = how
        ctx.how, ctx.size = how[1:], x.shape[2:]
        return conv2d(x, seen, bias, stride, padding, 1, groups)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:  # type: ignore[override]
        (seen,) = ctx.saved_tensors  # raises if the weight was changed in place since
        weight, (stride, padding, groups) = ctx.weight if torch.is_grad_enabled() else seen, ctx.how
        sizes = zip(ctx.size, gradient.shape[2:], weight.shape[2:], stride, padding, strict=True)
        rest = [size - ((out - 1) * s + k - 2 * p) for size, out, k, s, p in sizes]  # pixels that the stride left out
        return conv_transpose2d(gradient, weight, None, stride, padding, rest, groups), None, None, None


class _OfWeight(torch.autograd.Function):
    """Nothing, as a function of weight and bias whose gradient is the convolution's.

    Autograd sees no way from it to the input, or it would be computed again with the input's gradient; a gradient that
    is differentiated once more finds the input's graph in `ctx.x`.
    """

    @staticmethod
    def forward(ctx: Any, seen: Tensor, weight: Tensor, bias: Tensor | None, how: tuple[Any, ...]) -> Tensor:
        ctx.save_for_backward(seen, weight)
        ctx.x, shape, *ctx.how = how
        return seen.new_zeros(()).expand(shape)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:  # type: ignore[override]
        seen, weight = ctx.saved_tensors  # raises if the input was changed in place since
        x, (stride, padding, groups) = ctx.x if torch.is_grad_enabled() else seen, ctx.how
        _, needs_weight, needs_bias, _ = ctx.needs_input_grad
        of_weight = conv2d_weight(x, weight.shape, gradient, stride, padding, 1, groups) if needs_weight else None
        return None, of_weight, gradient.sum((0, 2, 3)) if needs_bias else None, None


class _Sum(torch.autograd.Function):
    """y + nothing, without adding."""

    @staticmethod
    def forward(ctx: Any, y: Tensor, nothing: Tensor) -> Tensor:
        ctx.mark_dirty(y)
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:  # type: ignore[override]
        return gradient, gradient
