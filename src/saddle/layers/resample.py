"""Halving and doubling of images, by averages and by the filter of StyleGAN2.

The filter is binomial, [1, 3, 3, 1] in both directions, which leaves far less aliasing than nearest pixels and 2×2
means do. Karras et al., 2020, Appendix B. https://arxiv.org/abs/1912.04958
"""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, conv_transpose2d, interpolate


def enlarge(x: Tensor, factor: int = 2) -> Tensor:
    """Every pixel `factor` times in both directions.  [N, C, H, W] → [N, C, factor·H, factor·W]"""
    return x if factor == 1 else interpolate(x, scale_factor=factor, mode="nearest")


def shrink(x: Tensor, factor: int = 2) -> Tensor:
    """Means of `factor` × `factor` pixels.  [N, C, H, W] → [N, C, H / factor, W / factor]"""
    return x if factor == 1 else avg_pool2d(x, factor)


def blur(x: Tensor, padding: int, gain: float = 1.0) -> Tensor:
    """Filtered, `gain` times as bright, with `padding` zeros around: 3 pixels smaller than with them.

    A depthwise convolution: of five ways that were measured on a processor (separable, by slices, by means, …) the
    fastest, and torch can differentiate it twice.
    """
    return conv2d(x, _filter(x, gain), padding=padding, groups=x.shape[1])


def double(x: Tensor) -> Tensor:
    """Twice the size: zeros between the pixels, then the filter.  [N, C, H, W] → [N, C, 2H, 2W]"""
    return conv_transpose2d(x, _filter(x, 4.0), stride=2, padding=1, groups=x.shape[1])


def halve(x: Tensor) -> Tensor:
    """Half the size: the filter, then every second pixel.  [N, C, H, W] → [N, C, H/2, W/2]

    All pixels are filtered: the gradient of a depthwise convolution with a stride takes a processor 30 times as long.
    """
    return blur(x, padding=1)[:, :, ::2, ::2]


def _filter(x: Tensor, gain: float) -> Tensor:
    """One 4×4 filter a channel, whose sum is `gain`.  [C, 1, 4, 4]"""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0], device=x.device, dtype=x.dtype)
    return (taps[:, None] * taps * (gain / 64)).expand(x.shape[1], 1, 4, 4)
