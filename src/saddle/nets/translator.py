"""The residual translator from image to image. Johnson et al., 2016; Zhu et al., 2017. https://arxiv.org/abs/1703.10593"""

from torch import Tensor, nn

from ..layers.init import small_normal
from .shapes import refuse


class Residual(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.body = nn.Sequential(
            *_convolution(width, width, 3, reflect=1), nn.ReLU(), *_convolution(width, width, 3, reflect=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


def translator(shape: tuple[int, int, int], blocks: int, width: int = 64) -> nn.Module:
    """c7s1-64, d128, d256, R256 × blocks, u128, u64, c7s1: images → images in [-1, 1] of the same shape.

    11,378,179 parameters with 9 blocks and 3 channels. UsageError unless both sides are multiples of 4, without which
    an image would come back larger.
    """
    channels, height, wide = shape
    if not _fits(height, wide):
        refuse("the residual translator", height, wide, _fits, "sides must be multiples of 4, and 8 or more")
    layers = [
        *_convolution(channels, width, 7, reflect=3),
        nn.ReLU(),
        *_convolution(width, 2 * width, 3, stride=2, padding=1),
        nn.ReLU(),
        *_convolution(2 * width, 4 * width, 3, stride=2, padding=1),
        nn.ReLU(),
        *(Residual(4 * width) for _ in range(blocks)),
        *_enlarge(4 * width, 2 * width),
        *_enlarge(2 * width, width),
        nn.ReflectionPad2d(3),
        nn.Conv2d(width, channels, 7),
        nn.Tanh(),
    ]
    return small_normal(nn.Sequential(*layers))


def _fits(height: int, width: int) -> bool:
    return min(height, width) >= 8 and height % 4 == width % 4 == 0


def _convolution(
    inputs: int, outputs: int, kernel: int, reflect: int = 0, stride: int = 1, padding: int = 0
) -> list[nn.Module]:
    pad: list[nn.Module] = [nn.ReflectionPad2d(reflect)] if reflect else []
    return [*pad, nn.Conv2d(inputs, outputs, kernel, stride, padding), nn.InstanceNorm2d(outputs)]


def _enlarge(inputs: int, outputs: int) -> list[nn.Module]:
    enlarge = nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1)
    return [enlarge, nn.InstanceNorm2d(outputs), nn.ReLU()]
