"""Halving and doubling of images, by averages and by the filter of StyleGAN2.

The filter is binomial, [1, 3, 3, 1] in both directions, which leaves far less aliasing than nearest pixels and 2×2
means do. Karras et al., 2020, Appendix B. https://arxiv.org/abs/1912.04958
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv1d, conv2d, interpolate

from ..base.known import constant

TAPS = (1.0, 3.0, 3.0, 1.0)


def enlarge(x: Tensor, factor: int = 2) -> Tensor:
    """Every pixel `factor` times in both directions.  [N, C, H, W] → [N, C, factor·H, factor·W]"""
    return x if factor == 1 else interpolate(x, scale_factor=factor, mode="nearest")


def shrink(x: Tensor, factor: int = 2) -> Tensor:
    """Means of `factor` × `factor` pixels.  [N, C, H, W] → [N, C, H / factor, W / factor]"""
    return x if factor == 1 else avg_pool2d(x, factor)


def blur(x: Tensor, padding: int, gain: float = 1.0) -> Tensor:
    """Filtered, `gain` times as bright, with `padding` zeros around: 3 pixels smaller than with them.

    [N, C, H, W] → [N, C, H + 2 · padding - 3, W + 2 · padding - 3]
    """
    return _Blur.apply(x, padding, gain)


def double(x: Tensor) -> Tensor:
    """Twice the size: zeros between the pixels, then the filter.  [N, C, H, W] → [N, C, 2H, 2W]"""
    return _resize(x, 2 * _halving(2 * x.shape[2], x).T, 2 * _halving(2 * x.shape[3], x).T)


def halve(x: Tensor) -> Tensor:
    """Half the size: the filter, then every second pixel.  [N, C, H, W] → [N, C, H/2, W/2]"""
    return _resize(x, _halving(x.shape[2], x), _halving(x.shape[3], x))


def _resize(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Every image as rows · image · columnsᵀ.

    Matrix products take a processor 0.4 to 0.7 times as long as a blur does, to the second derivative.
    """
    n, channels, height, width = x.shape
    lines = x.permute(0, 2, 3, 1).reshape(n, height, width * channels)  # no copy where channels come last
    points = (rows @ lines).view(-1, width, channels)
    return (columns @ points).view(n, len(rows), len(columns), channels).permute(0, 3, 1, 2)


def _halving(size: int, like: Tensor) -> Tensor:
    """[size / 2, size]"""
    taps = constant(TAPS, like).view(1, 1, 4) / 8
    each = torch.eye(size, device=like.device, dtype=like.dtype)[:, None]
    return conv1d(each, taps, stride=2, padding=1)[:, 0].T


class _Blur(torch.autograd.Function):
    """A depthwise convolution: of five ways, on a processor the fastest.

    The filter is symmetric, so that its gradient is a blur again. torch's own gradients, which do not know that, take
    two to ten times as long, those of a convolution with a stride thirty times.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, padding: int, gain: float) -> Tensor:
        ctx.how = padding, gain
        return conv2d(x, _filter(x, gain), padding=padding, groups=x.shape[1])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        padding, gain = ctx.how
        return _Blur.apply(gradient, 3 - padding, gain), None, None


def _filter(x: Tensor, gain: float) -> Tensor:
    """One 4×4 filter a channel, whose sum is `gain`.  [C, 1, 4, 4]"""
    taps = constant(TAPS, x)
    return (taps[:, None] * taps * (gain / 64)).expand(x.shape[1], 1, 4, 4)
