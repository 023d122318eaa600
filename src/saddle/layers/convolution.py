"""Convolutions whose second derivative costs what the first does, or whose gradients are matrix products."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d
from torch.nn.grad import conv2d_weight

from .products import Products, products


class _How(NamedTuple):
    """What a convolution does, beside its weight."""

    stride: Any
    padding: Any
    groups: int
    transposed: bool = False
    rest: Any = 0  # the output padding of a transposed one
    products: Products | None = None  # faster ways to the first derivative

    def convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if self.transposed:
            return conv_transpose2d(x, weight, bias, self.stride, self.padding, self.rest, self.groups)
        return conv2d(x, weight, bias, self.stride, self.padding, 1, self.groups)

    def of_input(self, gradient: Tensor, weight: Tensor, size: torch.Size) -> Tensor:
        """The gradient of an input with so many pixels a side."""
        if self.transposed:
            return conv2d(gradient, weight, None, self.stride, self.padding, 1, self.groups)
        if self.products and self.products.of_large and not torch.is_grad_enabled():
            return self.products.of_large(gradient, weight)
        sizes = zip(size, gradient.shape[2:], weight.shape[2:], self.stride, self.padding, strict=True)
        rest = [size - ((out - 1) * s + k - 2 * p) for size, out, k, s, p in sizes]  # pixels that the stride left out
        return conv_transpose2d(gradient, weight, None, self.stride, self.padding, rest, self.groups)

    def of_weight(self, x: Tensor, shape: torch.Size, gradient: Tensor) -> Tensor:
        """The gradient of a weight of this shape; one that is differentiated once more is a convolution."""
        large, small = (gradient, x) if self.transposed else (x, gradient)
        if self.products and not torch.is_grad_enabled():
            return self.products.of_weight(large, small, shape[-1], self.padding[0])
        return conv2d_weight(large, shape, small, self.stride, self.padding, 1, self.groups)


class Conv2d(nn.Conv2d):
    """torch's layer, for networks whose input gradient is itself differentiated, as a gradient penalty does.

    torch's formula for that takes the weight's gradient from a convolution with kernels as large as the image, one
    group after the other. Here the input's gradient is a transposed convolution of its own, and what is asked of that
    is an ordinary backward pass. The gradients of input and weight are two nodes of the graph, neither on the way to
    the other's, so that a backward pass that is asked for one leaves the other out.

    [N, C, H, W] → [N, C', H', W']
    """

    def forward(self, x: Tensor) -> Tensor:
        return _convolve(x, self.weight, self.bias, _How(self.stride, self.padding, self.groups))


class StridedConv2d(nn.Conv2d):
    """torch's layer, for convolutions that halve maps [N, C, H, W] to [N, D, h, w].

    Gradients are matrix products where a processor is faster so.
    """

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() != 4:  # one image, [C, H, W]
            return super().forward(x)
        n, _, *sides = x.shape
        small = [(side + 2 * int(p) - k) // s + 1 for side, p, k, s in zip(sides, *_geometry(self), strict=True)]
        faster = _products(self, x, (n, *small), sides)
        if not faster:
            return super().forward(x)
        return _convolve(x, self.weight, self.bias, _How(self.stride, self.padding, self.groups, products=faster))


class StridedConvTranspose2d(nn.ConvTranspose2d):
    """torch's layer, for convolutions that double maps [N, C, h, w] to [N, D, H, W].

    Gradients are matrix products where a processor is faster so.
    """

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        if x.dim() != 4:  # one map, [C, h, w]
            return super().forward(x, output_size)
        n, _, *sides = x.shape
        rest: Any = self.output_padding
        large = [
            (side - 1) * s - 2 * int(p) + k + r for side, p, k, s, r in zip(sides, *_geometry(self), rest, strict=True)
        ]
        faster = None if output_size else _products(self, x, (n, *sides), large)
        if not faster:
            return super().forward(x, output_size)
        return _convolve(x, self.weight, self.bias, _How(self.stride, self.padding, self.groups, True, rest, faster))


def _geometry(layer: Any) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    return layer.padding, layer.kernel_size, layer.stride


def _products(layer: Any, x: Tensor, small: tuple[int, ...], large: list[int]) -> Products | None:
    """Faster ways to a layer's gradients, if there will be some, and it is a plain layer."""
    if not (torch.is_grad_enabled() and layer.weight.requires_grad) or torch.compiler.is_compiling():
        return None
    if torch._C._are_functorch_transforms_active():  # torch.func's, such as vmap and jvp, know the library's layers
        return None
    plain = layer.padding_mode == "zeros" and layer.groups == 1 and layer.dilation == (1, 1)
    square = len({*layer.kernel_size}) == len({*layer.stride}) == len({*layer.padding}) == 1
    if not (plain and square and x.device.type == "cpu"):
        return None
    dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype
    last = x.is_contiguous(memory_format=torch.channels_last)
    return products(dtype, layer.weight.shape, small, large, layer.stride[0], layer.padding[0], last)


def _convolve(x: Tensor, weight: Tensor, bias: Tensor | None, how: _How) -> Tensor:
    kind = x.device.type
    if torch.is_autocast_enabled(kind):
        dtype = torch.get_autocast_dtype(kind)
        x, weight, bias = _cast(x, dtype), _cast(weight, dtype), None if bias is None else _cast(bias, dtype)
    y = _OfInput.apply(x, weight.detach(), None if bias is None else bias.detach(), (weight, how))
    if torch.is_grad_enabled():
        y = _Sum.apply(y, _OfWeight.apply(x.detach(), weight, bias, (x, y.shape, how)))
    return y


def _cast(x: Tensor, dtype: torch.dtype) -> Tensor:
    return x.to(dtype) if x.dtype == torch.float32 else x


class _OfInput(torch.autograd.Function):
    """The convolution as a function of its input."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, seen: Tensor, bias: Tensor | None, how: tuple[Tensor, _How]) -> Tensor:
        ctx.save_for_backward(seen)
        ctx.weight, ctx.how = how
        ctx.size = x.shape[2:]
        return ctx.how.convolve(x, seen, bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:  # type: ignore[override]
        (seen,) = ctx.saved_tensors  # raises if the weight was changed in place since
        weight = ctx.weight if torch.is_grad_enabled() else seen
        return ctx.how.of_input(gradient, weight, ctx.size), None, None, None


class _OfWeight(torch.autograd.Function):
    """Nothing, as a function of weight and bias whose gradient is the convolution's.

    Autograd sees no way from it to the input, or it would be computed again with the input's gradient; a gradient that
    is differentiated once more finds the input's graph in `ctx.x`.
    """

    @staticmethod
    def forward(ctx: Any, seen: Tensor, weight: Tensor, bias: Tensor | None, how: tuple[Any, ...]) -> Tensor:
        ctx.save_for_backward(seen, weight)
        ctx.x, shape, ctx.how = how
        return seen.new_zeros(()).expand(shape)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:  # type: ignore[override]
        seen, weight = ctx.saved_tensors  # raises if the input was changed in place since
        x = ctx.x if torch.is_grad_enabled() else seen
        _, needs_weight, needs_bias, _ = ctx.needs_input_grad
        of_weight = ctx.how.of_weight(x, weight.shape, gradient) if needs_weight else None
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
