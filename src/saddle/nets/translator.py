"""The residual translator from image to image. Johnson et al., 2016; Zhu et al., 2017. https://arxiv.org/abs/1703.10593"""

from functools import partial

from torch import Tensor, nn

from ..layers.dropout import Dropout
from ..layers.init import small_normal
from .parts import MapNorm, map_norm
from .shapes import refuse

MULTIPLE, SMALLEST = 4, 8  # with 2 halvings, sides are multiples of the one and at least the other, in pixels


class Residual(nn.Module):
    """x + f(x), f two convolutions with norms: [N, C, H, W] → same shape."""

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
    halvings: int = 2,
) -> nn.Sequential:
    """c7s1-64, d128, d256, R256 × blocks, u128, u64, c7s1: images → images in [-1, 1] of the same size.

    `outputs` are the channels that it draws, by default those of `shape`; units of a block are kept with chance `keep`,
    in use too; each of the `halvings` doubles the channels. 11,378,179 parameters with 9 blocks and 3 channels, and
    182,443,267 with 4 halvings: pix2pixHD's global generator. UsageError unless both sides are multiples of 2^halvings,
    without which an image would come back larger, and twice that or more, which the blocks' mirrored edges take.
    """
    channels, height, wide = shape
    if not _fits(halvings, height, wide):
        sides = f"sides must be multiples of {2**halvings}, and {2 ** (halvings + 1)} or more"
        refuse("the residual translator", height, wide, partial(_fits, halvings), sides)
    widths = [width << level for level in range(halvings + 1)]
    layers = [*_convolution(norm, channels, width, 7, reflect=3), nn.ReLU()]
    for wide in widths[:-1]:
        layers += [*_convolution(norm, wide, 2 * wide, 3, stride=2, padding=1), nn.ReLU()]
    layers += [Residual(widths[-1], norm, keep) for _ in range(blocks)]
    for wide in reversed(widths[:-1]):
        layers += _enlarge(norm, 2 * wide, wide)
    layers += head(width, channels if outputs is None else outputs)
    return small_normal(nn.Sequential(*layers))


def head(width: int, outputs: int) -> list[nn.Module]:
    """The last layers of a translator: maps [N, width, H, W] → images in [-1, 1]."""
    return [nn.ReflectionPad2d(3), nn.Conv2d(width, outputs, 7), nn.Tanh()]


class Enhancer(nn.Module):
    """Draws at twice the size of a translator, whose maps it adds to its own: pix2pixHD's local enhancer.

    Images [N, C, 2H, 2W] and the translator's maps [N, 2 · width, H, W], those before its `head` → images [N, outputs,
    2H, 2W] in [-1, 1]. 319,715 parameters with a width of 32, 3 blocks, 36 channels and 3 outputs. Wang et al., 2018,
    Section 3.1. https://arxiv.org/abs/1711.11585

    The images drawn are [N, outputs, 2H, 2W].
    """

    def __init__(self, channels: int, blocks: int, width: int, outputs: int):
        super().__init__()
        shrink = _convolution("instance", width, 2 * width, 3, stride=2, padding=1)
        self.down = nn.Sequential(
            *_convolution("instance", channels, width, 7, reflect=3), nn.ReLU(), *shrink, nn.ReLU()
        )
        refine = (Residual(2 * width) for _ in range(blocks))
        self.up = nn.Sequential(*refine, *_enlarge("instance", 2 * width, width), *head(width, outputs))
        small_normal(self)

    def forward(self, x: Tensor, coarse: Tensor) -> Tensor:
        return self.up(self.down(x) + coarse)


def blocks_of(height: int, width: int) -> int:
    """Residual blocks for images of this size: 6 up to 128 pixels, else 9. Zhu et al., Section 4."""
    return 6 if max(height, width) <= 128 else 9


def _fits(halvings: int, height: int, width: int) -> bool:
    multiple = 2**halvings
    return min(height, width) >= 2 * multiple and height % multiple == width % multiple == 0


def _convolution(
    norm: MapNorm, inputs: int, outputs: int, kernel: int, reflect: int = 0, stride: int = 1, padding: int = 0
) -> list[nn.Module]:
    pad: list[nn.Module] = [nn.ReflectionPad2d(reflect)] if reflect else []
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=norm == "instance")
    return [*pad, convolution, map_norm(norm, outputs)]


def _enlarge(norm: MapNorm, inputs: int, outputs: int) -> list[nn.Module]:
    enlarge = nn.ConvTranspose2d(inputs, outputs, 3, 2, 1, output_padding=1, bias=norm == "instance")
    return [enlarge, map_norm(norm, outputs), nn.ReLU()]
