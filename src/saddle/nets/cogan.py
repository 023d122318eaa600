"""CoGAN's coupled networks. Liu & Tuzel, 2016, and the authors' code. https://arxiv.org/abs/1606.07536

The authors' images lie in [0, 1]: a generator ends with a sigmoid, and this is what a discriminator's first layer sees.
Ours lie in [-1, 1] outside of these networks.
"""

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor, nn

from ..base.errors import UsageError
from ..layers.init import xavier
from ..layers.norm import BatchNorm2d

LAYERS, JUDGES = 5, 4  # of a generator and of a discriminator
SMALLEST = 16  # pixels of a side, for which two convolutions and halvings leave something
_RIM = 3  # pixels that the last layer adds to the map before it

Shapes = Mapping[str, tuple[int, int, int]]  # channels, height and width by domain; of one size


class Judged(NamedTuple):
    logits: Tensor  # [N]
    features: Tensor  # [N, F]


class Generators(nn.Module):
    """Latents [N, z_dim] → an image of every domain, [N, C, H, W] in [-1, 1] by key.

    Five transposed convolutions, of which the first `shared` are common to all domains: they decide what is shown, the
    others how it looks. 7,842,694 parameters for two grey domains of 28×28, z of 100 and four shared layers.
    """

    def __init__(self, z_dim: int, shapes: Shapes, width: int, shared: int):
        super().__init__()
        (_, height, wide), *_ = shapes.values()
        _check_size(height, wide)
        sides = [*zip(_sides(height), _sides(wide), strict=True)]
        widths = [z_dim, 8 * width, 4 * width, 2 * width, width]

        def layer(i: int, outputs: int = 0) -> nn.Module:
            if i == LAYERS - 1:
                return nn.Sequential(nn.ConvTranspose2d(width, outputs, 6, 1, 1), nn.Sigmoid())
            inputs, wide = widths[i : i + 2]
            if i:
                high, broad = (1 - side % 2 for side in sides[i])  # twice the map before; an odd side has a pixel less
                grows = nn.ConvTranspose2d(inputs, wide, 3, 2, 1, (high, broad))
            else:
                grows = nn.ConvTranspose2d(inputs, wide, sides[0])
            return nn.Sequential(grows, BatchNorm2d(wide, affine=False), nn.PReLU())

        self.shared = nn.Sequential(*map(layer, range(shared)))
        self.own = nn.ModuleDict(
            {key: nn.Sequential(*(layer(i, shape[0]) for i in range(shared, LAYERS))) for key, shape in shapes.items()}
        )
        xavier(self, 2**0.5, bias=0.1)

    def forward(self, z: Tensor) -> dict[str, Tensor]:
        x = self.shared(z[:, :, None, None])
        return {key: 2 * network(x) - 1 for key, network in self.own.items()}


class Discriminators(nn.Module):
    """Images [N, C, H, W] of a domain, named by its key → Judged: how real they are, and what the last layer sees.

    Three convolutions and a layer of two classes, fake and real, of which the last `shared` are common to all domains;
    the logit is the difference of the two. As in LeNet no activation stands between the first two, only the maxima;
    427,593 parameters for two grey domains of 28×28 and three shared layers. With `classes` the features of an image
    also name its class.
    """

    def __init__(self, shapes: Shapes, width: int, shared: int, classes: int = 0):
        super().__init__()
        (_, height, wide), *_ = shapes.values()
        _check_size(height, wide)
        features, rest = 25 * width, (_rest(height), _rest(wide))

        def layer(i: int, channels: int = 0) -> nn.Module:
            if i == 0:
                return nn.Sequential(nn.Conv2d(channels, width, 5), nn.MaxPool2d(2))
            if i == 1:
                return nn.Sequential(nn.Conv2d(width, 5 * width // 2, 5), nn.MaxPool2d(2))
            if i == 2:
                return nn.Sequential(nn.Conv2d(5 * width // 2, features, rest), nn.PReLU())
            return nn.Conv2d(features, 2, 1)

        own = JUDGES - shared
        self.own = nn.ModuleDict(
            {key: nn.ModuleList(layer(i, shape[0]) for i in range(own)) for key, shape in shapes.items()}
        )
        self.shared = nn.ModuleList(map(layer, range(own, JUDGES)))
        self.classes = nn.Linear(features, classes) if classes else None
        xavier(self, 2**0.5, bias=0.1)

    def forward(self, x: Tensor, key: str) -> Judged:
        *body, head = [*self.own[key], *self.shared]  # type: ignore[misc]
        x = (x + 1) / 2
        for layer in body:
            x = layer(x)
        fake, real = head(x).flatten(1).unbind(1)
        return Judged(real - fake, x.flatten(1))


def _sides(side: int) -> list[int]:
    """Of the maps: each one twice the one before, or a pixel less, and the last one three less than the image."""
    sides = [side - _RIM]
    while len(sides) < LAYERS - 1:
        sides.insert(0, (sides[0] + 1) // 2)
    return sides


def _rest(side: int) -> int:
    """What two convolutions and halvings leave of it."""
    return ((side - 4) // 2 - 4) // 2


def _check_size(height: int, width: int) -> None:
    if min(height, width) < SMALLEST:
        raise UsageError(
            f"CoGAN's networks want images of {SMALLEST}×{SMALLEST} or more, not {height}×{width}; choose a larger "
            "--data.size"
        )
