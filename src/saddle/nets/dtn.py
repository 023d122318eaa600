"""DTN's three networks. Taigman, Polyak & Wolf, 2017, Section 5.1. https://arxiv.org/abs/1611.02200

Layers of a public re-implementation, with one ReLU where its discriminator has two in a row. Every side is halved three
times, and what is left of it is one kernel's: 4×4 for images of 32×32.
"""

from itertools import pairwise

from torch import Tensor, nn

from ..layers.init import xavier
from ..layers.norm import BatchNorm2d
from .shapes import refuse

MULTIPLE = 8  # sides of an image are whole multiples of so many pixels


class Encoder(nn.Module):
    """f: images [N, C, H, W] → codes [N, `code`] in [-1, 1], with a layer that names classes while f is learned.

    896,384 parameters for colour images of 32×32 and 128 numbers in a code, without that layer.
    """

    def __init__(self, shape: tuple[int, int, int], code: int, classes: int, width: int):
        super().__init__()
        channels, height, wide = shape
        rest = _rest(height, wide)
        body = [_halve(inputs, outputs) for inputs, outputs in pairwise((channels, width, 2 * width, 4 * width))]
        last = [nn.Conv2d(4 * width, code, rest), _norm(code), nn.Tanh(), nn.Flatten()]
        self.body = nn.Sequential(*body, *last)
        self.classes = nn.Linear(code, classes)
        xavier(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


def decoder(shape: tuple[int, int, int], code: int, width: int) -> nn.Sequential:
    """g: codes [N, `code`] → images [N, C, H, W] in [-1, 1]. 2,526,977 parameters for grey images of 32×32."""
    channels, height, wide = shape
    first = nn.ConvTranspose2d(code, 8 * width, _rest(height, wide))
    layers: list[nn.Module] = [nn.Unflatten(1, (code, 1, 1)), first, _norm(8 * width), nn.ReLU()]
    for inputs, outputs in pairwise((8 * width, 4 * width, 2 * width)):
        layers += [nn.ConvTranspose2d(inputs, outputs, 3, 2, 1, 1), _norm(outputs), nn.ReLU()]
    return xavier(nn.Sequential(*layers, nn.ConvTranspose2d(2 * width, channels, 3, 2, 1, 1), nn.Tanh()))


def discriminator(shape: tuple[int, int, int], width: int, classes: int = 3) -> nn.Sequential:
    """D: images [N, C, H, W] → logits [N, classes]. 1,486,593 parameters for grey images of 32×32 and one class."""
    channels, height, wide = shape
    body = [_halve(inputs, outputs) for inputs, outputs in pairwise((channels, 2 * width, 4 * width, 8 * width))]
    return xavier(nn.Sequential(*body, nn.Conv2d(8 * width, classes, _rest(height, wide)), nn.Flatten()))


def _halve(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, 2, 1), _norm(outputs), nn.ReLU())


def _norm(channels: int) -> BatchNorm2d:
    """Of what it remembers 0.95 stay at each step, in the re-implementation too."""
    return BatchNorm2d(channels, momentum=0.05)


def _rest(height: int, width: int) -> tuple[int, int]:
    """What is left of an image's sides. UsageError unless they are multiples of 8."""
    if not _fits(height, width):
        refuse("DTN", height, width, _fits, "sides must be multiples of 8")
    return height // MULTIPLE, width // MULTIPLE


def _fits(height: int, width: int) -> bool:
    return height % MULTIPLE == width % MULTIPLE == 0
