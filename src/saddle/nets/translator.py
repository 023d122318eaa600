"""The residual translator from image to image. Johnson et al., 2016; Zhu et al., 2017. https://arxiv.org/abs/1703.10593"""

from torch import Tensor, nn

from ..layers.dropout import Dropout
from ..layers.init import small_normal
from .parts import MapNorm, map_norm
from .shapes import refuse

MULTIPLE, SMALLEST = 4, 8  # sides of an image are multiples of the one and at least the other, in pixels


class Residual(nn.Module):
    def __init__(self, width: int, norm: MapNorm = "instance", keep: float = 1.0, reflected: bool = True):
        super().__init__()
        noise = [Dropout(keep, always=True)] if keep < 1 else []
        edge = {"reflect": 1} if reflected else {"padding": 1}
        self.body = nn.Sequential(
            *_convolution(norm, width, width, 3, **edge),
            nn.ReLU(),
            *noise,
            *_convolution(norm, width, width, 3, **edge),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


def translator(
    shape: tuple[int, int, int],
    blocks: int,
    width: int = 64,
    outputs: int | None = None,
    norm: MapNorm = "instance",
    keep: float = 1.0,
) -> nn.Sequential:
    """c7s1-64, d128, d256, R256 × blocks, u128, u64, c7s1: images → images in [-1, 1] of the same size.

    `outputs` are the channels that it draws, by default those of `shape`; units of a block are kept with chance `keep`,
    in use too. 11,378,179 parameters with 9 blocks and 3 channels. UsageError unless both sides are multiples of 4,
    without which an image would come back larger.
    """
    channels, height, wide = shape
    if not _fits(height, wide):
        refuse("the residual translator", height, wide, _fits, "sides must be multiples of 4, and 8 or more")
    layers = [
        *_convolution(norm, channels, width, 7, reflect=3),
        nn.ReLU(),
        *_convolution(norm, width, 2 * width, 3, stride=2, padding=1),
        nn.ReLU(),
        *_convolution(norm, 2 * width, 4 * width, 3, stride=2, padding=1),
        nn.ReLU(),
        *(Residual(4 * width, norm, keep) for _ in range(blocks)),
        *_enlarge(norm, 4 * width, 2 * width),
        *_enlarge(norm, 2 * width, width),
        nn.ReflectionPad2d(3),
        nn.Conv2d(width, channels if outputs is None else outputs, 7),
        nn.Tanh(),
    ]
    return small_normal(nn.Sequential(*layers))


def blocks_of(height: int, width: int) -> int:
    """Residual blocks for images of this size: 6 up to 128 pixels, else 9. Zhu et al., Section 4."""
    return 6 if max(height, width) <= 128 else 9


def _fits(height: int, width: int) -> bool:
    return min(height, width) >= SMALLEST and height % MULTIPLE == width % MULTIPLE == 0


def _convolution(
    norm: MapNorm, inputs: int, outputs: int, kernel: int, reflect: int = 0, stride: int = 1, padding: int = 0
) -> list[nn.Module]:
    pad: list[nn.Module] = [nn.ReflectionPad2d(reflect)] if reflect else []
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=norm == "instance")
    return [*pad, convolution, map_norm(norm, outputs)]


def _enlarge(norm: MapNorm, inputs: int, outputs: int) -> list[nn.Module]:
    enlarge = nn.ConvTranspose2d(inputs, outputs, 3, 2, 1, output_padding=1, bias=norm == "instance")
    return [enlarge, map_norm(norm, outputs), nn.ReLU()]
