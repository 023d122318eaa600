"""Pixelwise normalisation of features. Karras et al., 2018 (ProGAN), Section 4.2. https://arxiv.org/abs/1710.10196"""

import torch
from torch import Tensor, nn

from ..base.precision import full


def pixel_norm(x: Tensor, eps: float = 1e-8) -> Tensor:
    """a / √(mean a² over the channels + ε), pixel by pixel: the mean square of every pixel becomes 1.  [N, C, …]

    Takes [N, C, …].
    """
    wide = full(x)
    return (wide * torch.rsqrt(wide.square().mean(1, keepdim=True) + eps)).to(x.dtype)


class PixelNorm(nn.Module):
    """`pixel_norm` as a layer. It has no parameters, and stands after the activation.  [N, C, …] → same shape"""

    def forward(self, x: Tensor) -> Tensor:
        return pixel_norm(x)
