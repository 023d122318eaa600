"""The convolutional networks of ALI for CIFAR-10. Dumoulin et al., 2016, Table 3. https://arxiv.org/abs/1606.00704

Convolutions without padding. At 32×32 in colour with 64 latents, the encoder giving a mean and a log σ of each,
981,152 parameters in the generator, 3,118,496 in the encoder and 2,611,009 in the discriminator. The generator ends in
tanh where the paper has a sigmoid, since images lie in [-1, 1] here.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..base.errors import UsageError
from ..base.ranges import EvenInt
from ..layers.dropout import Dropout
from ..layers.init import small_normal
from ..layers.norm import BatchNorm2d
from ..spec import DataSpec
from .joint import JointDiscriminator, JointNetwork
from .shapes import image_shape

Size = tuple[int, int]


@dataclass(frozen=True)
class Convolution:
    """One without padding, by its kernel and stride, and the sizes of the maps before and after it."""

    kernel: Size
    stride: int
    before: Size
    after: Size

    def cut(self) -> Size:
        """Rows and columns that the stride leaves over, which the transposed convolution gives back."""
        high, wide = (
            b - (a - 1) * self.stride - k for b, a, k in zip(self.before, self.after, self.kernel, strict=True)
        )
        return high, wide


def path(data: DataSpec) -> list[Convolution]:
    """5×5, then 4×4 with strides 2 and 1 in turn until the shorter side is at most 4, then one of all that is left."""
    _, *size = image_shape("ALI", data)
    if min(size) < 6:
        raise UsageError(f"ALI cannot draw {size[0]}×{size[1]} images: its first convolution wants sides of 6 or more")
    steps = [_step((5, 5), 1, (size[0], size[1]))]
    while min(steps[-1].after) > 4:
        steps.append(_step((4, 4), 1 + len(steps) % 2, steps[-1].after))
    return [*steps, _step(steps[-1].after, 1, steps[-1].after)]


def _step(kernel: Size, stride: int, before: Size) -> Convolution:
    high, wide = ((b - k) // stride + 1 for b, k in zip(before, kernel, strict=True))
    return Convolution(kernel, stride, before, (high, wide))


class PairJudge(JointDiscriminator):
    """One trunk for the image, one for the code, and maxout layers that see both, with dropout before every layer."""

    def __init__(self, inputs: int, data: DataSpec, width: int):
        super().__init__()
        layers: list[nn.Module] = []
        before = data.shape[0]
        for depth, step in enumerate(path(data)):
            channels = width << min(depth, 4)
            convolution = nn.Conv2d(before, channels, step.kernel, step.stride)
            layers += [Dropout(0.5 if layers else 0.8), convolution, Maxout()]
            before = channels // 2
        self.image = nn.Sequential(*layers, nn.Flatten())
        wide = 16 * width
        self.code = nn.Sequential(*_maxout(inputs, wide, 0.8, bias=False), *_maxout(wide // 2, wide, bias=False))
        both = _maxout(before + wide // 2, 2 * wide), _maxout(wide, 2 * wide), [Dropout(0.5), nn.Linear(wide, 1)]
        self.pair = nn.Sequential(*(layer for layers in both for layer in layers))

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        return self.pair(torch.cat((self.image(x), self.code(code)), dim=1)).flatten()


@dataclass(frozen=True)
class ALI(JointNetwork):
    """The authors' networks for 32×32; other sizes take more or fewer convolutions."""

    width: EvenInt = 32  # channels of the largest map

    def generator(self, inputs: int, data: DataSpec) -> nn.Module:
        layers: list[nn.Module] = [nn.Unflatten(1, (inputs, 1, 1))]
        before = inputs
        for depth, step in reversed([*enumerate(path(data))]):
            channels = self.width << min(max(depth - 1, 0), 3)
            layers += [
                nn.ConvTranspose2d(before, channels, step.kernel, step.stride, output_padding=step.cut(), bias=False),
                *_normed(channels),
            ]
            before = channels
        layers += [nn.Conv2d(before, self.width, 1, bias=False), *_normed(self.width)]
        layers += [nn.Conv2d(self.width, data.shape[0], 1, bias=False), PixelBias(data.shape), nn.Tanh()]
        return small_normal(nn.Sequential(*layers), 0.01)

    def encoder(self, outputs: int, data: DataSpec) -> nn.Module:
        layers: list[nn.Module] = []
        before = data.shape[0]
        for depth, step in enumerate(path(data)):
            channels = self.width << min(depth, 4)
            layers += [nn.Conv2d(before, channels, step.kernel, step.stride, bias=False), *_normed(channels)]
            before = channels
        layers += [nn.Conv2d(before, before, 1, bias=False), *_normed(before), nn.Conv2d(before, outputs, 1)]
        return small_normal(nn.Sequential(*layers, nn.Flatten()), 0.01)

    def discriminator(self, inputs: int, data: DataSpec) -> JointDiscriminator:
        return small_normal(PairJudge(inputs, data, self.width), 0.01)


class Maxout(nn.Module):
    """The larger of each two neighbouring channels. Goodfellow et al., 2013.  [N, 2 C, …] → [N, C, …]"""

    def forward(self, x: Tensor) -> Tensor:
        return x.unflatten(1, (-1, 2)).amax(2)


class PixelBias(nn.Module):
    """A number for every pixel and channel.  [N, C, H, W] → same shape"""

    def __init__(self, shape: tuple[int, ...]):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(shape))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias


def _normed(channels: int) -> list[nn.Module]:
    return [BatchNorm2d(channels), nn.LeakyReLU(0.1)]


def _maxout(inputs: int, outputs: int, keep: float = 0.5, bias: bool = True) -> list[nn.Module]:
    return [Dropout(keep), nn.Linear(inputs, outputs, bias), Maxout()]
