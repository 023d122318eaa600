"""TP-GAN's global path, its discriminator and its identity head. Huang et al., 2017. https://arxiv.org/abs/1704.04086

Layers are those of the authors' code for 128 pixels. Of another size S the smallest maps have S / 16 rows for 8, and
the two smaller images S / 4 and S / 2 for 32 and 64. The authors' batch norm takes its statistics from the batch in use
too, so that a face looks otherwise in other company; here it takes the running ones then.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu

from ..layers.dropout import Dropout
from ..layers.norm import BatchNorm2d
from ..layers.resample import shrink
from .shapes import refuse

HALVINGS, SMALLEST = 4, 32  # of the largest maps; sides in pixels are multiples of 2^HALVINGS, and at least so many
STD, LINEAR_BIAS = 0.02, 0.1  # of weights, and what biases of linear layers begin with
KEEP = 0.3  # share of the code that the identity head is shown in training
FEWEST = 8  # channels of the maps that the decoder draws with, as the paper's narrowest: behind ReLU few may all be 0
Size = tuple[int, int]


class Encoded(NamedTuple):
    """The encoder's output for images: maps of width · (1, 1, 2, 4, 8) channels, halved step by step, and a code."""

    maps: tuple[Tensor, ...]
    code: Tensor  # [N, 4 · width]


class Frontal(NamedTuple):
    """Images that were made, [N, C, h, w] in [-1, 1], of three sizes."""

    whole: Tensor
    half: Tensor
    quarter: Tensor


class Residual(nn.Module):
    """x + two convolutions with norms, then an activation. A kernel of 2 sees one pixel more to the right and below.

    [N, C, H, W] → same shape
    """

    def __init__(self, width: int, kernel: int = 3):
        super().__init__()
        first, second = (convolution(width, width, kernel) for _ in range(2))
        self.body = nn.Sequential(*first, nn.LeakyReLU(0.2), *second)

    def forward(self, x: Tensor) -> Tensor:
        return leaky_relu(x + self.body(x), 0.2)


class Encoder(nn.Module):
    """Faces [N, C, H, W] in [-1, 1] → maps and a code; each is seen beside its mirror image.

    39,420,672 parameters with a width of 64, three channels and 128 pixels.
    """

    def __init__(self, channels: int, size: Size, width: int):
        super().__init__()
        first = nn.Sequential(nn.Conv2d(2 * channels, width, 7, 1, 3), nn.LeakyReLU(0.2), Residual(width, 7))
        wide = [width << level for level in (0, 0, 1, 2, 3)]
        steps = [nn.Sequential(*down(wide[0], wide[1], 5), Residual(wide[1], 5))]
        steps += [nn.Sequential(*down(wide[k], wide[k + 1]), Residual(wide[k + 1])) for k in (1, 2)]
        steps += [nn.Sequential(*down(wide[3], wide[4]), *(Residual(wide[4]) for _ in range(4)))]
        self.steps = nn.ModuleList([first, *steps])
        rows, columns = smallest_maps(size)
        self.code = nn.Linear(wide[4] * rows * columns, 8 * width)
        start(self)

    def forward(self, x: Tensor) -> Encoded:
        x, maps = beside_mirror(x), []
        for step in self.steps:
            x = step(x)
            maps.append(x)
        return Encoded(tuple(maps), self.code(x.flatten(1)).unflatten(1, (2, -1)).amax(1))


class Decoder(nn.Module):
    """What was encoded, noise [N, z], the faces and what the parts became → frontal faces of three sizes.

    The parts are `extra` planes of the whole size, [N, extra, H, W]. 49,197,818 parameters with a width of 64, three
    channels, 100 numbers of noise, 67 planes and 128 pixels.

    The faces are [N, C, H, W].
    """

    def __init__(self, channels: int, size: Size, width: int, z_dim: int, extra: int):
        super().__init__()
        w, c = width, channels
        self.smallest, self.width = smallest_maps(size), w
        self.initial = nn.Linear(4 * w + z_dim, w * self.smallest[0] * self.smallest[1])
        own = [max(w // k, FEWEST) for k in (2, 4, 8)]  # channels of the maps that it draws with, larger and larger
        enlarging = (nn.ConvTranspose2d(w, own[0], 3, 4, 0, 1), _double(own[0], own[1]), _double(own[1], own[2]))
        self.larger = nn.ModuleList(nn.Sequential(layer, nn.ReLU()) for layer in enlarging)
        self.lowest = nn.Sequential(*(Residual(9 * w, 2) for _ in range(3)))
        # of each size: what it takes from the way down, the way up, what it draws with, and its image
        selected = [4 * w, 2 * w + 2 * c + own[0], w + 2 * c + own[1], w + 2 * c + own[2]]
        up = [9 * w, 12 * w, 4 * w + selected[1], 2 * w + selected[2] + c]
        made = [8 * w, 4 * w, 2 * w, w]
        self.select = nn.ModuleList(Residual(n, k) for n, k in zip(selected, (3, 3, 5, 7), strict=True))
        self.up = nn.ModuleList(
            nn.Sequential(_double(n, m), BatchNorm2d(m), nn.ReLU()) for n, m in zip(up, made, strict=True)
        )
        self.refine = nn.ModuleList(nn.Sequential(Residual(n), Residual(n)) for n in up[1:])
        last = w + selected[3] + extra + c
        refined = (*convolution(last, w, 5), nn.LeakyReLU(0.2), Residual(w))
        ending = (*convolution(w, w // 2), nn.LeakyReLU(0.2), *drawing(w // 2, c))
        self.last = nn.Sequential(Residual(last, 5), *refined, *ending)
        self.draw = nn.ModuleList(nn.Sequential(*drawing(n, c)) for n in up[2:])
        start(self)

    def forward(self, encoded: Encoded, noise: Tensor, x: Tensor, parts: Tensor | None) -> Frontal:
        full, half, quarter, eighth, lowest = encoded.maps
        seen = [beside_mirror(shrink(x, k)) for k in (4, 2, 1)]
        first = self.initial(torch.cat((encoded.code, noise), 1)).relu().unflatten(1, (self.width, *self.smallest))
        initial = [first]
        for layer in self.larger:
            initial.append(layer(initial[-1]))

        y = self.up[0](self.lowest(torch.cat((first, lowest), 1)))
        y = self.refine[0](torch.cat((y, self.select[0](eighth)), 1))
        images: list[Tensor] = []
        for k, maps in enumerate((quarter, half)):
            chosen = self.select[k + 1](torch.cat((maps, seen[k], initial[k + 1]), 1))
            y = self.refine[k + 1](torch.cat((self.up[k + 1](y), chosen, *_enlarged(images)), 1))
            images.append(self.draw[k](y))
        chosen = self.select[3](torch.cat((full, initial[3], seen[2]), 1))
        beside = [] if parts is None else [parts]
        whole = self.last(torch.cat((self.up[3](y), chosen, *beside, *_enlarged(images)), 1))
        return Frontal(whole, images[1], images[0])


class Generator(nn.Module):
    """Turned faces [N, C, H, W], noise [N, z] and planes of the parts, if any → frontal faces, and the code.

    The code is [N, K], the planes are [N, extra, H, W].
    """

    def __init__(self, channels: int, size: Size, width: int, z_dim: int, extra: int):
        super().__init__()
        self.encoder = Encoder(channels, size, width)
        self.decoder = Decoder(channels, size, width, z_dim, extra)

    def forward(self, x: Tensor, noise: Tensor, parts: Tensor | None = None) -> tuple[Frontal, Tensor]:
        encoded = self.encoder(x)
        return self.decoder(encoded, noise, x, parts), encoded.code


def local_discriminator(shape: tuple[int, ...], width: int) -> nn.Sequential:
    """Images (C, H, W) → logits [N, 1, H / 32, W / 32], of a place in the face each.

    13,357,441 parameters with a width of 64 and three channels. The paper has 2 × 2 of them, the authors' code 4 × 4.
    """
    channels, wide = shape[0], [width << level for level in (0, 1, 2, 3, 3)]
    layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, 2, 1), nn.LeakyReLU(0.2)]
    for k in range(4):
        layers += [*down(wide[k], wide[k + 1]), *([Residual(wide[k + 1])] if k >= 2 else [])]
    return start(nn.Sequential(*layers, nn.Conv2d(wide[-1], 1, 1)))


def identity_head(units: int, people: int) -> nn.Sequential:
    """A code [N, units] → logits [N, people] of whose face it is of. 87,380 parameters of 256 units and 340 people."""
    return start(nn.Sequential(Dropout(KEEP), nn.Linear(units, people)))


def check(size: Size) -> None:
    """UsageError for sizes that the networks do not take."""
    if not _fits(*size):
        sides = f"sides must be multiples of {2**HALVINGS}, and {SMALLEST} or more"
        refuse("TP-GAN", *size, _fits, sides)


def _fits(height: int, width: int) -> bool:
    return min(height, width) >= SMALLEST and height % 2**HALVINGS == width % 2**HALVINGS == 0


def smallest_maps(size: Size) -> Size:
    return size[0] >> HALVINGS, size[1] >> HALVINGS


def beside_mirror(x: Tensor) -> Tensor:
    """Images [N, C, H, W] and their mirror images.  [N, 2C, H, W]"""
    return torch.cat((x, x.flip(3)), 1)


def _enlarged(images: list[Tensor]) -> list[Tensor]:
    """The last image, if there is one, at twice its size."""
    return [interpolate(x, scale_factor=2, mode="bilinear", align_corners=False) for x in images[-1:]]


def convolution(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> list[nn.Module]:
    """A convolution that keeps the size, or halves it, and batch norm."""
    edge: list[nn.Module] = [nn.ZeroPad2d((0, 1, 0, 1))] if kernel == 2 else []
    return [*edge, nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2), BatchNorm2d(outputs)]


def down(inputs: int, outputs: int, kernel: int = 3) -> list[nn.Module]:
    """A convolution that halves maps."""
    return [*convolution(inputs, outputs, kernel, 2), nn.LeakyReLU(0.2)]


def _double(inputs: int, outputs: int) -> nn.Module:
    return nn.ConvTranspose2d(inputs, outputs, 3, 2, 1, 1)


def up(inputs: int, outputs: int) -> list[nn.Module]:
    """A transposed convolution that doubles maps."""
    return [_double(inputs, outputs), BatchNorm2d(outputs), nn.LeakyReLU(0.2)]


def drawing(inputs: int, channels: int) -> list[nn.Module]:
    """Maps → images in [-1, 1]."""
    return [nn.Conv2d(inputs, channels, 3, 1, 1), nn.Tanh()]


def start(network: nn.Sequential | nn.Module) -> nn.Sequential:
    """Weights N(0, 0.02), those of convolutions cut off at two deviations; biases 0, of linear layers 0.1."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.trunc_normal_(module.weight, 0.0, STD, -2 * STD, 2 * STD)
        elif isinstance(module, nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, 0.0, STD)
        else:
            continue
        assert module.bias is not None
        nn.init.constant_(module.bias, LINEAR_BIAS if isinstance(module, nn.Linear) else 0.0)
    return network  # type: ignore[return-value]
