"""The networks of SinGAN's scales, and their sizes. Shaham et al., 2019. https://arxiv.org/abs/1905.01164"""

import math

from torch import Tensor, nn
from torch.nn.functional import pad

from ..base.errors import UsageError
from ..layers.init import small_normal

REACH = 5  # pixels that five 3×3 kernels without padding take off each side: a receptive field of 11


def pyramid(height: int, width: int, least: int = 25, most: int = 250, factor: float = 0.75) -> list[tuple[int, int]]:
    """Heights and widths of the scales, the coarsest first: from `least` pixels on the shorter side to the image's.

    An image whose longer side exceeds `most` pixels is reduced to that. `factor` is what a scale should have of the
    next; it is fitted so that both ends are met. 250×188 has 10 scales. UsageError for an image too small for two.
    """
    reduced = min(most / max(height, width), 1.0)
    shorter = min(height, width) * reduced
    if shorter <= least:
        raise UsageError(
            f"a pyramid from {least} pixels needs an image whose shorter side is longer; this one is {height}×{width}"
            + (f", reduced to {shorter:.0f} pixels by max_side {most}" if reduced < 1 else "")
        )
    steps = math.ceil(math.log(least / min(height, width), factor)) + 1
    steps -= math.ceil(math.log(reduced, factor))
    shares = [reduced * (least / shorter) ** (1 - step / steps) for step in range(steps + 1)]
    return [(round(height * share), round(width * share)) for share in shares]


class ScaleGenerator(nn.Module):
    """Adds detail to an image: 29,763 parameters at 32 channels."""

    def __init__(self, channels: int, width: int):
        super().__init__()
        self.body = _five(channels, channels, width, nn.Tanh())

    def forward(self, noise: Tensor, coarse: Tensor) -> Tensor:
        """noise and an enlarged coarser image, both [N, C, H, W] → coarse + ψ(noise + coarse), [N, C, H, W].

        Zeros around the sum, none inside the network: what is drawn at a border differs as it does inside.
        """
        return coarse + self.body(pad(noise + coarse, [REACH] * 4))


def scale_discriminator(channels: int, width: int) -> nn.Module:
    """Images [N, C, H, W] → logits of their patches of 11 pixels [N, 1, H - 10, W - 10]; 29,185 parameters at 32."""
    return _five(channels, 1, width)


def _five(inputs: int, outputs: int, width: int, *end: nn.Module) -> nn.Module:
    """Batch norm of one image, in training and in use: running statistics, in part of other images, blur its return."""
    layers: list[nn.Module] = []
    for before in (inputs, width, width, width):
        layers += [nn.Conv2d(before, width, 3), nn.InstanceNorm2d(width, affine=True), nn.LeakyReLU(0.2)]
    return small_normal(nn.Sequential(*layers, nn.Conv2d(width, outputs, 3), *end))
