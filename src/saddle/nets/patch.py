"""PatchGAN: a discriminator that judges overlapping patches. Isola et al., 2017. https://arxiv.org/abs/1611.07004"""

from torch import nn

from ..base.errors import UsageError
from ..layers.init import small_normal


def patch_discriminator(shape: tuple[int, int, int], layers: int = 3, width: int = 64) -> nn.Module:
    """Images → a map of logits [N, 1, h, w], one for each patch.

    A patch has 16, 34, 70 or 142 pixels a side with 1, 2, 3 or 4 layers. Instance norm, as in CycleGAN; 2,764,737
    parameters with 3 layers and 3 channels. UsageError for images too small for one patch's inner part.
    """
    channels, height, wide = shape
    smallest = 3 << layers
    if min(height, wide) < smallest:
        raise UsageError(
            f"a PatchGAN of {layers} layers wants images of {smallest}×{smallest} or more, not {height}×{wide}; "
            "choose fewer layers (1 takes 6×6) or larger images"
        )
    widths = [width * min(2**level, 8) for level in range(layers + 1)]
    net: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2)]
    for level in range(1, layers + 1):
        stride = 2 if level < layers else 1
        net += [
            nn.Conv2d(widths[level - 1], widths[level], 4, stride, 1),
            nn.InstanceNorm2d(widths[level]),
            nn.LeakyReLU(0.2),
        ]
    return small_normal(nn.Sequential(*net, nn.Conv2d(widths[-1], 1, 4, 1, 1)))
