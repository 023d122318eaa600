"""A network as a list of local layers: each says which part of its input a part of its output needs, and makes it.

Only what normalises over all positions is not local: its statistics are handed to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..base.errors import UsageError
from ..layers.convolution import StridedConv2d, StridedConvTranspose2d
from ..layers.norm import BatchNorm2d
from ..nets.translator import Residual

Span = tuple[int, int]  # rows, or columns: from the first on, up to but without the second
Box = tuple[Span, Span]  # rows and columns
Sides = tuple[int, int]  # height and width
POINTWISE = (nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Softplus, nn.Tanh, nn.Sigmoid, nn.Identity)
DROPOUTS = (nn.Dropout, nn.Dropout2d)
NORMS = (nn.InstanceNorm2d, nn.BatchNorm2d, BatchNorm2d)
PADS: dict[type[nn.Module], str] = {
    nn.ReflectionPad2d: "reflect",
    nn.ReplicationPad2d: "replicate",
    nn.ZeroPad2d: "zeros",
}


class Layer:
    """By default each output pixel needs the input pixel at its place."""

    def channels(self, inputs: int) -> int:
        return inputs

    def side(self, n: int, axis: int) -> int:
        """How many rows (axis 0) or columns (axis 1) come out where `n` go in."""
        return n

    def needs(self, span: Span, n: int, axis: int) -> Span:
        """The part of an input of `n` rows or columns that this part of the output is made from; never empty."""
        return span

    def make(self, x: Tensor, of: Sides, have: Box, want: Box) -> Tensor:
        """The part `want` of the output, of the part `have` of an input that has `of` rows and columns in all.

        x may be changed in place.

        x [1, C, h, w] → [1, C', h', w']
        """
        return x

    def products(self, inputs: int, before: Sides, after: Sides) -> int:
        """Multiplications of the whole image."""
        return 0


@dataclass
class Pointwise(Layer):
    module: nn.Module

    def make(self, x: Tensor, of: Sides, have: Box, want: Box) -> Tensor:
        made: Tensor = self.module(x)
        return made


@dataclass
class Norm(Layer):
    """Subtracts a mean and divides by a deviation, one of each for a channel; None: those of the image itself."""

    eps: float
    weight: Tensor | None
    bias: Tensor | None
    mean: Tensor | None = None  # [C], float64
    variance: Tensor | None = None

    def having(self, mean: Tensor, variance: Tensor) -> Norm:
        """The same layer with these statistics, both [C]."""
        return Norm(self.eps, self.weight, self.bias, mean, variance)

    def make(self, x: Tensor, of: Sides, have: Box, want: Box) -> Tensor:
        assert self.mean is not None  # it is measured before
        assert self.variance is not None
        scale = (self.variance + self.eps).rsqrt()
        if self.weight is not None:
            scale = scale * self.weight.to(scale)
        x = x.sub_(_by_channel(self.mean, x)).mul_(_by_channel(scale, x))
        return x if self.bias is None else x.add_(_by_channel(self.bias, x))


@dataclass
class Pad(Layer):
    before: Sides  # above, and to the left
    after: Sides
    mode: str

    def side(self, n: int, axis: int) -> int:
        most = max(self.before[axis], self.after[axis])
        if self.mode == "reflect" and most >= n:
            raise UsageError(f"the image is too small for this network: it mirrors {most} pixels of a side of {n}")
        return n + self.before[axis] + self.after[axis]

    def needs(self, span: Span, n: int, axis: int) -> Span:
        places = self._places((span[0] - self.before[axis], span[1] - self.before[axis]), n)
        return int(places.min()), int(places.max()) + 1

    def make(self, x: Tensor, of: Sides, have: Box, want: Box) -> Tensor:
        for axis in (0, 1):
            first, last = (end - self.before[axis] for end in want[axis])
            if first < 0 or last > of[axis]:
                places = self._places((first, last), of[axis]) - have[axis][0]
                x = x.index_select(axis - 2, places.to(x.device))
                if self.mode == "zeros":
                    outside = torch.arange(first, last, device=x.device)
                    outside = (outside < 0) | (outside >= of[axis])
                    x.index_fill_(axis - 2, outside.nonzero()[:, 0], 0)
        return x

    def _places(self, span: Span, n: int) -> Tensor:
        """Where in the input, of n rows or columns, each of these stands that may lie outside."""
        places = torch.arange(*span)
        if self.mode == "reflect":
            places = places.abs()
            places = torch.where(places >= n, 2 * (n - 1) - places, places)
        return places.clamp(0, n - 1)


@dataclass
class Conv(Layer):
    """Without any padding: a `Pad` stands before it."""

    module: nn.Conv2d

    def channels(self, inputs: int) -> int:
        return self.module.out_channels

    def side(self, n: int, axis: int) -> int:
        if n < (reach := _reach(self.module, axis)):
            raise UsageError(f"the image is too small for this network: {reach} pixels are wanted where {n} are left")
        return (n - reach) // self.module.stride[axis] + 1

    def needs(self, span: Span, n: int, axis: int) -> Span:
        stride = self.module.stride[axis]
        return span[0] * stride, (span[1] - 1) * stride + _reach(self.module, axis)

    def make(self, x: Tensor, of: Sides, have: Box, want: Box) -> Tensor:
        m = self.module
        return functional.conv2d(x, m.weight, m.bias, m.stride, 0, m.dilation, m.groups)

    def products(self, inputs: int, before: Sides, after: Sides) -> int:
        return self.module.weight.numel() * after[0] * after[1]


@dataclass
class Enlarge(Layer):
    """A transposed convolution."""

    module: nn.ConvTranspose2d

    def channels(self, inputs: int) -> int:
        return self.module.out_channels

    def side(self, n: int, axis: int) -> int:
        m = self.module
        return (n - 1) * m.stride[axis] - 2 * _side(m.padding, axis) + _reach(m, axis) + m.output_padding[axis]

    def needs(self, span: Span, n: int, axis: int) -> Span:
        stride, padding = self.module.stride[axis], _side(self.module.padding, axis)
        first = -((_reach(self.module, axis) - 1 - span[0] - padding) // stride)
        last = (span[1] - 1 + padding) // stride
        last = min(max(last, 0), n - 1)
        return min(max(first, 0), last), last + 1

    def make(self, x: Tensor, of: Sides, have: Box, want: Box) -> Tensor:
        m = self.module
        x = functional.conv_transpose2d(x, m.weight, m.bias, m.stride, 0, m.output_padding, m.groups, m.dilation)
        begin = [have[axis][0] * m.stride[axis] - _side(m.padding, axis) for axis in (0, 1)]
        return crop(x, ((begin[0], 0), (begin[1], 0)), want)

    def products(self, inputs: int, before: Sides, after: Sides) -> int:
        return self.module.weight.numel() * before[0] * before[1]


class Fork(Layer):
    """Here begins what a `Join` adds to what comes of the layers between them."""


class Join(Layer):
    pass


def crop(x: Tensor, have: Box, want: Box) -> Tensor:
    """The part `want` of x […, h, w], whose place in the whole is `have` → […, h', w']."""
    (top, _), (left, _) = have
    return x[..., want[0][0] - top : want[0][1] - top, want[1][0] - left : want[1][1] - left]


def layers(network: nn.Module) -> list[Layer]:
    """The local layers of a network, in order. UsageError for one that has a part which cannot be tiled exactly."""
    return list(_layers(network, ""))


def _layers(module: nn.Module, name: str) -> Iterator[Layer]:
    if module._forward_hooks or module._forward_pre_hooks:
        raise _refused(module, name, "has hooks, which may change what it makes")
    if type(module) is nn.Sequential:
        for child, part in module.named_children():
            yield from _layers(part, f"{name}.{child}".lstrip("."))
    elif type(module) is Residual:
        if getattr(next(module.body.children(), None), "inplace", False):
            raise _refused(module, name, "begins with a layer that changes in place what is added at its end")
        yield from (Fork(), *_layers(module.body, f"{name}.body".lstrip(".")), Join())
    else:
        yield from _single(module, name)


def _single(module: nn.Module, name: str) -> Iterator[Layer]:
    kind = type(module)
    if kind in POINTWISE:
        yield Pointwise(module)
    elif kind in DROPOUTS:
        if module.training:
            raise _refused(module, name, "draws random numbers for the whole image")
    elif kind in PADS:
        left, right, top, bottom = module.padding  # type: ignore[misc]
        yield Pad((top, left), (bottom, right), PADS[kind])  # type: ignore[arg-type]
    elif kind in (nn.Conv2d, StridedConv2d):
        yield from _convolution(module, name)  # type: ignore[arg-type]
    elif kind in (nn.ConvTranspose2d, StridedConvTranspose2d):
        yield _transposed(module, name)  # type: ignore[arg-type]
    elif kind in NORMS:
        yield _norm(module)  # type: ignore[arg-type]
    else:
        raise _refused(module, name, "may look at the whole image at once, as far as is known here")


def _convolution(module: nn.Conv2d, name: str) -> Iterator[Layer]:
    if module.padding_mode == "circular":
        raise _refused(module, name, "wraps around the edges")
    if isinstance(module.padding, str):
        totals = [_reach(module, axis) - 1 if module.padding == "same" else 0 for axis in (0, 1)]
    else:
        totals = [2 * padding for padding in module.padding]
    if any(totals):
        before = (totals[0] // 2, totals[1] // 2)
        yield Pad(before, (totals[0] - before[0], totals[1] - before[1]), module.padding_mode)
    yield Conv(module)


def _transposed(module: nn.ConvTranspose2d, name: str) -> Layer:
    if any(_reach(module, axis) + module.output_padding[axis] < module.stride[axis] for axis in (0, 1)):
        raise _refused(module, name, "has a stride larger than its kernel")
    return Enlarge(module)


def _norm(module: nn.InstanceNorm2d | nn.BatchNorm2d) -> Norm:
    norm = Norm(module.eps, module.weight, module.bias)
    own = module.running_mean is None or module.training
    return norm if own else norm.having(module.running_mean.double(), module.running_var.double())  # type: ignore[union-attr]


def _refused(module: nn.Module, name: str, why: str) -> UsageError:
    place = f" ({name})" if name else ""
    return UsageError(
        f"this network cannot be tiled exactly: its {type(module).__name__}{place} {why}; translate the whole image at "
        "once, or a smaller one"
    )


def _reach(module: nn.Conv2d | nn.ConvTranspose2d, axis: int) -> int:
    return (module.kernel_size[axis] - 1) * module.dilation[axis] + 1


def _side(padding: str | tuple[int, ...], axis: int) -> int:
    assert not isinstance(padding, str)  # a transposed convolution has numbers
    return padding[axis]


def _by_channel(values: Tensor, x: Tensor) -> Tensor:
    return values.to(x).view(1, -1, 1, 1)
