"""Networks that take an image apart into content and attributes, and the judge of what the content still says.

Fader: Lample et al., 2017. https://arxiv.org/abs/1706.00409. TwoEncoders: the smallest form of Lee et al., 2018 (DRIT,
https://arxiv.org/abs/1808.00948), with the styles of Huang et al., 2018 (https://arxiv.org/abs/1804.04732).
"""

from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn

from ..base.errors import UsageError
from ..layers.conditional import VectorInstanceNorm2d
from ..layers.convolution import StridedConv2d, StridedConvTranspose2d
from ..layers.dropout import Dropout
from ..layers.norm import BatchNorm2d
from .shapes import refuse

COARSEST = 4  # pixels of a side of the content, if nobody says how often an image is halved
_DEEPEST = {"fader": 6, "two-encoders": 3}  # halvings, likewise


class Fader(nn.Module):
    """Content of an image, and an image of content and attributes, which are planes beside every map on the way up.

    Convolutions of 4×4 and stride 2, of width, 2 · width, … up to 16 · width channels, and back. 14,000,512 parameters
    for 3 channels, 2 attributes, width 32 and 6 levels.
    """

    def __init__(self, channels: int, attributes: int, levels: int, width: int):
        super().__init__()
        widths = [channels, *_widths(width, levels)]
        self.down = encoder(channels, levels, width)
        up: list[nn.Module] = []
        for level in reversed(range(levels)):
            enlarge = StridedConvTranspose2d(widths[level + 1] + attributes, widths[level], 4, 2, 1, bias=False)
            after = [BatchNorm2d(widths[level]), nn.ReLU()] if level else [nn.Tanh()]
            up.append(nn.Sequential(enlarge, *after))
        self.up = nn.ModuleList(up)

    def content(self, x: Tensor) -> Tensor:
        """Images [N, C, H, W] → content [N, F, h, w]."""
        return self.down(x)

    def draw(self, content: Tensor, attributes: Tensor) -> Tensor:
        """Content [N, F, h, w] and attributes [N, A] → images [N, C, H, W] in [-1, 1]."""
        x = content
        for layer in self.up:
            planes = attributes.to(x)[:, :, None, None].expand(-1, -1, *x.shape[2:])
            x = layer(torch.cat((x, planes), 1))
        return x


class TwoEncoders(nn.Module):
    """Content of an image, its attributes, of which nobody says what they are, and an image of the two.

    Instance norm takes the statistics of every map out of the content; the style, some numbers, brings others in.
    """

    def __init__(self, channels: int, attributes: int, levels: int, width: int):
        super().__init__()
        widths = _widths(width, levels)
        inner: list[nn.Module] = []
        outer: list[nn.Module] = []
        for before, after in pairwise([channels, *widths]):
            inner += [StridedConv2d(before, after, 4, 2, 1, bias=False), nn.InstanceNorm2d(after), nn.ReLU()]
            outer += [StridedConv2d(before, after, 4, 2, 1), nn.ReLU()]
        self.inner = nn.Sequential(*inner)
        pool = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(widths[-1], attributes)]
        self.outer = nn.Sequential(*outer, *pool)
        up: list[nn.Module] = [_Styled(nn.Conv2d(widths[-1], widths[-1], 3, 1, 1, bias=False), attributes)]
        for after, before in pairwise(reversed(widths)):
            up.append(_Styled(StridedConvTranspose2d(after, before, 4, 2, 1, bias=False), attributes))
        self.up = nn.ModuleList(up)
        self.last = nn.Sequential(StridedConvTranspose2d(widths[0], channels, 4, 2, 1), nn.Tanh())

    def content(self, x: Tensor) -> Tensor:
        """Images [N, C, H, W] → content [N, F, h, w]."""
        return self.inner(x)

    def attributes(self, x: Tensor) -> Tensor:
        """Images [N, C, H, W] → attributes [N, A]."""
        return self.outer(x)

    def draw(self, content: Tensor, attributes: Tensor) -> Tensor:
        """Content [N, F, h, w] and attributes [N, A] → images [N, C, H, W] in [-1, 1]."""
        for layer in self.up:
            content = layer(content, attributes)
        return self.last(content)


class _Styled(nn.Module):
    def __init__(self, layer: nn.Conv2d | nn.ConvTranspose2d, style: int):
        super().__init__()
        self.layer, self.norm = layer, VectorInstanceNorm2d(layer.out_channels, style)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        return torch.relu(self.norm(self.layer(x), style))


def encoder(channels: int, levels: int, width: int) -> nn.Sequential:
    """Images → maps: the first half of a Fader, in which all but the first map have batch norm."""
    layers: list[nn.Module] = []
    for level, (before, after) in enumerate(pairwise([channels, *_widths(width, levels)])):
        norm = [BatchNorm2d(after)] if level else []
        layers += [StridedConv2d(before, after, 4, 2, 1), *norm, nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers)


def judge_of_content(shape: tuple[int, int, int], outputs: int, keep: float = 0.7) -> nn.Sequential:
    """Content → logits of labels [N, outputs]: convolutions down to one pixel, and two linear layers.

    8,655,362 parameters for content of 512×4×4 and 2 outputs.
    """
    channels, height, width = shape
    layers: list[nn.Module] = []
    while min(height, width) > 1:
        layers += [StridedConv2d(channels, channels, 4, 2, 1), BatchNorm2d(channels), nn.LeakyReLU(0.2), Dropout(keep)]
        height, width = height // 2, width // 2
    last = [nn.Linear(channels * height * width, channels), nn.LeakyReLU(0.2), nn.Linear(channels, outputs)]
    return nn.Sequential(*layers, nn.Flatten(), *last)


def judge_of_patches(shape: tuple[int, int, int], layers: int = 3, width: int = 32) -> nn.Sequential:
    """Images → logits of patches [N, 1, h, w], as a PatchGAN with biases beside batch norm: 695,137 parameters.

    UsageError for images too small for a patch's inner part.
    """
    channels, *sides = shape
    if min(sides) < 3 << layers:
        raise UsageError(
            f"a discriminator of {layers} layers wants images of {3 << layers} pixels a side or more, not "
            f"{sides[0]}×{sides[1]}; choose fewer with game.patch_layers, or larger images"
        )
    widths = [width << level for level in range(layers + 1)]
    net: list[nn.Module] = [StridedConv2d(channels, widths[0], 4, 2, 1), nn.LeakyReLU(0.2)]
    for level, (before, after) in enumerate(pairwise(widths), 1):
        net += [StridedConv2d(before, after, 4, 2 if level < layers else 1, 1), BatchNorm2d(after), nn.LeakyReLU(0.2)]
    return nn.Sequential(*net, nn.Conv2d(widths[-1], 1, 4, 1, 1))


def levels_of(network: str, height: int, width: int, asked: int | None = None) -> int:
    """How often a network halves images: as asked, or 6 times (Fader) or 3, but until a side has 4 to 7 pixels at most.

    UsageError unless every halving is even and content has 2 pixels a side or more, of which there are statistics.
    """
    fits = partial(_fits, network, asked)
    if not fits(height, width):
        how = f"{asked} times" if asked else f"until the shorter has {COARSEST} to 7 pixels"
        refuse("Disentangle", height, width, fits, f"sides must halve evenly, {how} (game.levels says how often)")
    return asked or _usual(network, height, width)


def _usual(network: str, height: int, width: int) -> int:
    return max(1, min((min(height, width) // COARSEST).bit_length() - 1, _DEEPEST[network]))


def _fits(network: str, asked: int | None, height: int, width: int) -> bool:
    times = 2 ** (asked or _usual(network, height, width))
    return min(height, width) >= 2 * times and height % times == width % times == 0


def _widths(width: int, levels: int) -> list[int]:
    return [width * min(2**level, 16) for level in range(levels)]
