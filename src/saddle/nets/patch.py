"""PatchGAN: a discriminator that judges overlapping patches. Isola et al., 2017. https://arxiv.org/abs/1611.07004"""

from torch import nn

from ..base.errors import UsageError
from ..layers.convolution import StridedConv2d
from ..layers.init import small_normal
from .parts import MapNorm, map_norm


def patch_discriminator(
    shape: tuple[int, int, int],
    layers: int = 3,
    width: int = 64,
    norm: MapNorm = "instance",
    padding: int = 1,
    biased: bool | None = None,
) -> nn.Sequential:
    """Images → a map of logits [N, 1, h, w], one for each patch.

    A patch has 1, 16, 34, 70, 142 or 286 pixels a side with 0, 1, 2, 3, 4 or 5 layers: a pixel by itself, up to the
    whole of an image of 256. With 3 layers 2,764,737 parameters for 3 channels and instance norm, as in CycleGAN, and
    2,768,705 for 6 channels and batch norm, as in pix2pix. With a `padding` of 2, which is pix2pixHD's, patches reach
    farther beyond the edge. `biased` says whether convolutions before a norm have a bias; by default those before
    instance norm have. UsageError for images too small for a patch's inner part.
    """
    channels, height, wide = shape
    smallest = 2 if padding > 1 else 3 << layers if layers else 1
    if min(height, wide) < smallest:
        raise UsageError(
            f"a PatchGAN of {layers} layers wants images of {smallest}×{smallest} or more, not {height}×{wide}; "
            "choose fewer layers (1 takes 6×6, 0 any size) or larger images"
        )
    biased = norm == "instance" if biased is None else biased
    if not layers:
        first, last = nn.Conv2d(channels, width, 1), nn.Conv2d(2 * width, 1, 1, bias=biased)
        inner = [nn.Conv2d(width, 2 * width, 1, bias=biased), map_norm(norm, 2 * width), nn.LeakyReLU(0.2)]
        return small_normal(nn.Sequential(first, nn.LeakyReLU(0.2), *inner, last))
    widths = [width * min(2**level, 8) for level in range(layers + 1)]
    return _judge(channels, widths, [2] * layers + [1, 1], norm, padding, inner=biased)


def halving_discriminator(
    shape: tuple[int, int, int], width: int = 64, norm: MapNorm = "batch-of-one"
) -> nn.Sequential:
    """Images → a map of logits [N, 1, H/32, W/32], one for each patch of 94 pixels: every layer halves, without biases.

    ST-CGAN's: 2,762,496 parameters and 1,024 for every channel. Wang et al., 2018. https://arxiv.org/abs/1712.02478.
    UsageError for images that cannot be halved five times.
    """
    channels, height, wide = shape
    if min(height, wide) < 32:
        raise UsageError(
            f"a discriminator that halves five times wants images of 32×32 or more, not {height}×{wide}; choose larger "
            "images (--data.size)"
        )
    return _judge(
        channels, [width, 2 * width, 4 * width, 8 * width], [2] * 5, norm, inner=norm == "instance", outer=False
    )


def _judge(
    channels: int,
    widths: list[int],
    strides: list[int],
    norm: MapNorm,
    padding: int = 1,
    inner: bool = False,
    outer: bool = True,
) -> nn.Sequential:
    """Convolutions of 4×4 to maps of these widths and to logits. Have those a bias that a norm follows, and others?"""
    net: list[nn.Module] = [StridedConv2d(channels, widths[0], 4, strides[0], padding, bias=outer), nn.LeakyReLU(0.2)]
    for inputs, outputs, stride in zip(widths, widths[1:], strides[1:], strict=False):
        convolution = StridedConv2d(inputs, outputs, 4, stride, padding, bias=inner)
        net += [convolution, map_norm(norm, outputs), nn.LeakyReLU(0.2)]
    return small_normal(nn.Sequential(*net, StridedConv2d(widths[-1], 1, 4, strides[-1], padding, bias=outer)))
