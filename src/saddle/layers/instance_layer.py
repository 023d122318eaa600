"""Mixtures of instance and layer norm. Kim et al., 2020 (U-GAT-IT); Chen et al., 2020. https://arxiv.org/abs/2003.00273

In the form of NICE-GAN's code: the two shares of a channel are a softmax of two numbers, and variances are unbiased.
"""

import torch
from torch import Tensor, nn

STRONG, WEAK = 3.2, 1.0  # what the two numbers start at: shares of 0.9 and 0.1


class MixedNorm(nn.Module):
    """x [N, C, H, W] → the mixture of instance norm and layer norm, each channel in shares of its own.

    `instance`: does it start as nine parts of instance norm and one of layer norm, rather than the other way round?

    [N, C, H, W] → same shape
    """

    def __init__(self, channels: int, instance: bool, eps: float = 1e-5):
        super().__init__()
        start = (STRONG, WEAK) if instance else (WEAK, STRONG)
        self.eps, self.rho = eps, nn.Parameter(torch.tensor(start).repeat(channels, 1))  # [C, 2]

    def forward(self, x: Tensor) -> Tensor:
        wide = x.float() if x.dtype == torch.bfloat16 else x
        instance, layer = (self._normed(wide, axes) for axes in ((2, 3), (1, 2, 3)))
        shares = self.rho.softmax(1)[:, :, None, None]
        return (shares[:, 0] * instance + shares[:, 1] * layer).to(x.dtype)

    def _normed(self, x: Tensor, axes: tuple[int, ...]) -> Tensor:
        variance, mean = torch.var_mean(x, axes, correction=1, keepdim=True)
        return (x - mean) * torch.rsqrt(variance + self.eps)


class AdaptiveMixedNorm(MixedNorm):
    """AdaLIN: the mixture, nearly instance norm at first, with a scale and a shift [N, C] as arguments.

    x [N, C, H, W] → same shape
    """

    def __init__(self, channels: int):
        super().__init__(channels, instance=True)

    def forward(self, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:  # type: ignore[override]
        """x [N, C, H, W], with a scale and a shift, both [N, C] → [N, C, H, W]."""
        return super().forward(x) * scale.to(x)[..., None, None] + shift.to(x)[..., None, None]


class LearnedMixedNorm(MixedNorm):
    """LIN: the mixture, nearly layer norm at first, with a scale and a shift for each channel.

    [N, C, H, W] → same shape
    """

    def __init__(self, channels: int):
        super().__init__(channels, instance=False)
        self.scale, self.shift = nn.Parameter(torch.ones(channels, 1, 1)), nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * self.scale + self.shift
