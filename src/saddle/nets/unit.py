"""UNIT's networks: two autoencoders that share their middle, and judges of patches. Liu, Breuel and Kautz, 2017.

https://arxiv.org/abs/1703.00848. Layers and constants are those of the authors' code (version 2).
"""

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

from ..layers.init import small_normal
from .shapes import refuse
from .translator import Residual

MULTIPLE, SMALLEST = 4, 8  # sides of an image are multiples of the one and at least the other, in pixels
FRONT, SCALES = 2, 3  # a judge's own layers where two share the others; sizes that judges of scales look at
Judging = Literal["shared", "scales", "apart"]


class Autoencoders(nn.Module):
    """c7s1-64, d128, d256, R256 × blocks, and back: images ↔ codes [N, 256, H / 4, W / 4] of two domains, a and b.

    The last `shared` blocks of the encoders are the same ones, and so are the first of the decoders: how two domains
    come to have codes that fit each other. 18,017,286 parameters with 4 blocks, one of them shared, and 3 channels.
    `normed`: with instance norm and ReLU in all layers but the first and the last, not in the residual blocks alone.
    """

    def __init__(
        self,
        channels: tuple[int, int],
        size: tuple[int, int],
        width: int = 64,
        blocks: int = 4,
        shared: int = 1,
        normed: bool = False,
    ):
        super().__init__()
        if not _fits(*size):
            refuse("UNIT's autoencoder", *size, _fits, "sides must be multiples of 4, and 8 or more")
        self.code_width = 4 * width
        self.encode_a, self.encode_b = (_encoder(c, width, blocks - shared, normed) for c in channels)
        self.encode_both, self.decode_both = _trunk(4 * width, shared), _trunk(4 * width, shared)
        self.decode_a, self.decode_b = (_decoder(c, width, blocks - shared, normed) for c in channels)
        small_normal(self, biases=False)

    def encoder(self, domain: str) -> nn.Sequential:
        """Images of a domain, a or b → the mean μ of their codes."""
        return nn.Sequential(self.encode_a if domain == "a" else self.encode_b, self.encode_both)

    def decoder(self, domain: str) -> nn.Sequential:
        """Codes → images of a domain, a or b."""
        return nn.Sequential(self.decode_both, self.decode_a if domain == "a" else self.decode_b)


class Judges(nn.Module):
    """Images of a domain, a or b → logits [N, P] of patches.

    shared: two layers of each domain and then the same ones for both; apart: a network for each domain; scales: three
    for each domain, which look at an image, at its half and at its quarter, blurred before each halving.

    The images are [N, C, H, W].
    """

    def __init__(self, channels: tuple[int, int], kind: Judging = "shared", layers: int = 6, width: int = 64):
        super().__init__()
        self.kind, self.layers = kind, layers
        count, own = (SCALES if kind == "scales" else 1), (FRONT if kind == "shared" else layers)
        kernel = 7 if kind == "shared" else 3
        self.a, self.b = (
            nn.ModuleList(nn.Sequential(*_halvings([c, *_widths(width, own)], kernel)) for _ in range(count))
            for c in channels
        )
        self.both = nn.Sequential(*_halvings(_widths(width, layers)[own - 1 :], 3)) if kind == "shared" else None
        last = _widths(width, layers)[-1]
        if self.both is not None:
            self.both.append(nn.Conv2d(last, 1, 1))
        else:
            for network in (*self.a, *self.b):
                network.append(nn.Conv2d(last, 1, 1))
        small_normal(self, biases=False)

    def forward(self, x: Tensor, domain: str) -> Tensor:
        logits = []
        for scale, network in enumerate(self.a if domain == "a" else self.b):
            x = halved(x) if scale else x
            y = network(x)
            logits.append((y if self.both is None else self.both(y)).flatten(1))
        return torch.cat(logits, 1)

    def patches(self, height: int, width: int) -> list[int]:
        """How many of the logits of images of this size are of each scale."""
        halvings = [self.layers + scale for scale in range(len(self.a))]
        return [-(-height // 2**n) * -(-width // 2**n) for n in halvings]


def code_judge(width: int) -> nn.Sequential:
    """Codes [N, C, h, w] → a logit [N, 1, h, w] for each position: of which domain is the image?"""
    layers = [nn.Conv2d(width, width, 1), nn.LeakyReLU(), nn.Conv2d(width, width, 1), nn.LeakyReLU()]
    return small_normal(nn.Sequential(*layers, nn.Conv2d(width, 1, 1)))


def halved(x: Tensor) -> Tensor:
    """Every second pixel of images [N, C, H, W], blurred by a normal distribution of σ = 0.8 in 3×3 pixels."""
    taps = torch.exp(-torch.tensor([1.0, 0.0, 1.0], device=x.device) / (2 * 0.8**2)).to(x.dtype)
    taps = taps / taps.sum()
    kernel = (taps[:, None] * taps).expand(x.shape[1], 1, 3, 3)
    return conv2d(pad(x, (1, 1, 1, 1), mode="replicate"), kernel, stride=2, groups=x.shape[1])


def _encoder(channels: int, width: int, blocks: int, normed: bool) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(channels, width, 7, padding=3), nn.LeakyReLU()]
    for inputs in (width, 2 * width):
        layers += [nn.Conv2d(inputs, 2 * inputs, 3, 2, 1), *_bend(2 * inputs, normed)]
    return nn.Sequential(*layers, *_trunk(4 * width, blocks))


def _decoder(channels: int, width: int, blocks: int, normed: bool) -> nn.Sequential:
    layers: list[nn.Module] = [*_trunk(4 * width, blocks)]
    for inputs in (4 * width, 2 * width):
        layers += [nn.ConvTranspose2d(inputs, inputs // 2, 3, 2, 1, 1), *_bend(inputs // 2, normed)]
    return nn.Sequential(*layers, nn.Conv2d(width, channels, 1), nn.Tanh())


def _trunk(width: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(*(Residual(width, reflected=False) for _ in range(blocks)))


def _bend(width: int, normed: bool) -> list[nn.Module]:
    return [nn.InstanceNorm2d(width), nn.ReLU()] if normed else [nn.LeakyReLU()]


def _widths(width: int, layers: int) -> list[int]:
    return [width << layer for layer in range(layers)]


def _halvings(widths: list[int], kernel: int) -> list[nn.Module]:
    """Convolutions that halve; the first one's kernel is given, the others' are 3×3."""
    layers: list[nn.Module] = []
    for number, (inputs, outputs) in enumerate(pairwise(widths)):
        k = kernel if number == 0 else 3
        layers += [nn.Conv2d(inputs, outputs, k, 2, k // 2), nn.LeakyReLU()]
    return layers


def _fits(height: int, width: int) -> bool:
    return min(height, width) >= SMALLEST and height % MULTIPLE == width % MULTIPLE == 0
