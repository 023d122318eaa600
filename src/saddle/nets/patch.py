"""PatchGAN: a discriminator that judges overlapping patches. Isola et al., 2017. https://arxiv.org/abs/1611.07004"""

from torch import nn

from ..base.errors import UsageError
from ..layers.init import small_normal
from .parts import MapNorm, map_norm


def patch_discriminator(
    shape: tuple[int, int, int], layers: int = 3, width: int = 64, norm: MapNorm = "instance", padding: int = 1
) -> nn.Sequential:
    """Images → a map of logits [N, 1, h, w], one for each patch.

    A patch has 1, 16, 34, 70, 142 or 286 pixels a side with 0, 1, 2, 3, 4 or 5 layers: a pixel by itself, up to the
    whole of an image of 256. With 3 layers 2,764,737 parameters for 3 channels and instance norm, as in CycleGAN, and
    2,768,705 for 6 channels and batch norm, as in pix2pix. With a `padding` of 2, which is pix2pixHD's, patches reach
    farther beyond the edge. UsageError for images too small for a patch's inner part.
    """
    channels, height, wide = shape
    smallest = 2 if padding > 1 else 3 << layers if layers else 1
    if min(height, wide) < smallest:
        raise UsageError(
            f"a PatchGAN of {layers} layers wants images of {smallest}×{smallest} or more, not {height}×{wide}; "
            "choose fewer layers (1 takes 6×6, 0 any size) or larger images"
        )
    biased = norm == "instance"
    if not layers:
        first, last = nn.Conv2d(channels, width, 1), nn.Conv2d(2 * width, 1, 1, bias=biased)
        inner = [nn.Conv2d(width, 2 * width, 1, bias=biased), map_norm(norm, 2 * width), nn.LeakyReLU(0.2)]
        return small_normal(nn.Sequential(first, nn.LeakyReLU(0.2), *inner, last))
    widths = [width * min(2**level, 8) for level in range(layers + 1)]
    net: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, padding), nn.LeakyReLU(0.2)]
    for level in range(1, layers + 1):
        stride = 2 if level < layers else 1
        net += [
            nn.Conv2d(widths[level - 1], widths[level], 4, stride, padding, bias=biased),
            map_norm(norm, widths[level]),
            nn.LeakyReLU(0.2),
        ]
    return small_normal(nn.Sequential(*net, nn.Conv2d(widths[-1], 1, 4, 1, padding)))
