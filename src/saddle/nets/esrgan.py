"""The discriminators of ESRGAN and Real-ESRGAN, as in the authors' code, BasicSR. Wang et al., 2018 and 2021.
https://arxiv.org/abs/1809.00219, https://arxiv.org/abs/2107.10833"""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu

from ..base.errors import UsageError
from ..base.precision import full
from ..layers.convolution import StridedConv2d
from ..layers.norm import BatchNorm2d
from ..layers.spectral import spectral_norm


def judge(shape: tuple[int, int, int], width: int = 64) -> nn.Sequential:
    """Images [N, C, H, W] → logits [N, 1]: pairs of convolutions, each of which halves, and two dense layers.

    Images are halved until the shorter side has 4 to 7 pixels: five times at 128 pixels, with 14,499,401 parameters,
    and six times at 256, with 21,055,049. L halvings leave (8 · width · ⌊H/2^L⌋ · ⌊W/2^L⌋ + 1) · 100 + 101 in the dense
    layers, which see images of one size. UsageError for images below 8 pixels.
    """
    channels, height, wide = shape
    if min(height, wide) < 8:
        raise UsageError(
            f"ESRGAN's discriminator halves images of 8 pixels or more, not {height}×{wide}; choose larger ones"
        )
    levels = (min(height, wide) // 4).bit_length() - 1
    layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, padding=1), nn.LeakyReLU(0.2)]
    layers += _normed(width, width, 4, 2)
    before = width
    for level in range(1, levels):
        after = width * min(2**level, 8)
        layers += [*_normed(before, after, 3, 1), *_normed(after, after, 4, 2)]
        before = after
    places = (height >> levels) * (wide >> levels)
    dense = [nn.Flatten(), nn.Linear(before * places, 100), nn.LeakyReLU(0.2), nn.Linear(100, 1)]
    return nn.Sequential(*layers, *dense)


def _normed(inputs: int, outputs: int, kernel: int, stride: int) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, 1, bias=False)
    return [convolution, BatchNorm2d(outputs), nn.LeakyReLU(0.2)]


class UNetJudge(nn.Module):
    """Images [N, C, H, W] → a logit for every pixel, [N, 1, H, W]: a U-Net with spectral norm, of Real-ESRGAN.

    Skips are added. 4,376,897 parameters for colours; the first and the last layer have biases and no spectral norm.
    UsageError for images whose sides cannot be halved three times.
    """

    def __init__(self, shape: tuple[int, int, int], width: int = 64):
        super().__init__()
        channels, height, wide = shape
        if height % 8 or wide % 8:
            raise UsageError(
                f"game.discriminator unet halves images three times, and sides of {height}×{wide} pixels are no "
                "multiples of 8; choose other ones (--data.size, --data.crop), or game.discriminator vgg"
            )
        w = [width << level for level in range(4)]
        self.first = nn.Conv2d(channels, width, 3, padding=1)
        pairs = [*pairwise(w)]
        self.down = nn.ModuleList(spectral_norm(StridedConv2d(a, b, 4, 2, 1, bias=False)) for a, b in pairs)
        self.up = nn.ModuleList(spectral_norm(nn.Conv2d(b, a, 3, 1, 1, bias=False)) for a, b in reversed(pairs))
        self.flat = nn.ModuleList(spectral_norm(nn.Conv2d(width, width, 3, 1, 1, bias=False)) for _ in range(2))
        self.last = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.maps(x)[-1]

    def maps(self, x: Tensor) -> list[Tensor]:
        """The maps of its layers, each [N, C', h, w], for images x [N, C, H, W]; the logits come last."""
        found = [leaky_relu(self.first(x), 0.2)]
        for layer in self.down:
            found.append(leaky_relu(layer(found[-1]), 0.2))
        for skip, layer in zip(found[2::-1], self.up, strict=True):
            larger = interpolate(found[-1], scale_factor=2, mode="bilinear")
            found.append(leaky_relu(layer(larger), 0.2) + skip)
        for layer in self.flat:
            found.append(leaky_relu(layer(found[-1]), 0.2))
        return [*found, full(self.last(found[-1]))]
