"""Convolution with weights that a style scales. Karras et al., 2020 (StyleGAN2). https://arxiv.org/abs/1912.04958"""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d

from ..base.precision import full
from .equalized import EqualizedLinear
from .resample import blur


def modulated_conv(x: Tensor, weight: Tensor, style: Tensor, demodulate: bool = True, up: bool = False) -> Tensor:
    """Each sample convolved with its own weights w'ᵢ = sᵢ wᵢ over √(Σ w'² + 1e-8).  Equations 1 and 3.

    `x` [N, I, H, W], `weight` [O, I, k, k], `style` [N, I] → [N, O, H, W], or twice the size with `up`. Scaling the
    input by the style and the output by the norm is the same function, and spares N sets of weights.
    """
    scaled = x * style[:, :, None, None].to(x.dtype)
    if up:
        out = blur(conv_transpose2d(scaled, weight.transpose(0, 1), stride=2), padding=1, gain=4.0)
    else:
        out = conv2d(scaled, weight, padding=weight.shape[-1] // 2)
    if not demodulate:
        return out
    energy = full(style).square() @ full(weight).square().sum((2, 3)).T  # Σ w'², [N, O]
    return out * torch.rsqrt(energy + 1e-8)[:, :, None, None].to(out.dtype)


class ModulatedConv2d(nn.Module):
    """`modulated_conv` whose style is an affine function of w, one to begin with: (x, w [N, w_dim]) → [N, O, H, W].

    x [N, C, H, W]
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, w_dim: int, demodulate: bool = True, up: bool = False):
        super().__init__()
        self.demodulate, self.up = demodulate, up
        self.style = EqualizedLinear(w_dim, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.scale = (inputs * kernel**2) ** -0.5  # an equalized learning rate, which demodulation takes out again

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        style = self.style(w)
        if self.demodulate:
            return modulated_conv(x, self.weight, style, up=self.up)
        return modulated_conv(x, self.weight, style * self.scale, demodulate=False)
