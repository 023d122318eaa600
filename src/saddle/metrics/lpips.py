"""Learned perceptual image patch similarity, version 0.1. Zhang, Isola, Efros, Shechtman, Wang, 2018,
https://arxiv.org/abs/1801.03924

Two images go through a network that learned to name what photographs show. Of five of its layers, each pixel's vector
is brought to length 1; squared differences are weighted channel by channel, averaged over pixels, and summed. The
weights say how much people see. Both files are the user's: torchvision's AlexNet or VGG16, and the `alex.pth` or
`vgg.pth` of the authors' code.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import conv2d, max_pool2d

from ..base.errors import SaddleError, UsageError
from .evidence import Ingredient
from .metric import Metric
from .tones import check_alike
from .translated import PAIRS, TRANSLATIONS, Each, Turned, score_of
from .weights import digest, read

MEAN, STD = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of values in [-1, 1]
SMALLEST = 31  # pixels: below it nothing is left at AlexNet's last layer
LINEAR = "lin{}.model.1.weight"
FILES = "torchvision's alexnet-owt-7be5be79.pth or vgg16-397923af.pth, and LPIPS's alex.pth or vgg.pth for it"


@dataclass(frozen=True)
class Layout:
    """A network of convolutions with ReLUs: where they stand among torchvision's `features`."""

    name: str
    convolutions: tuple[int, ...]
    strides: dict[int, int]  # where not 1
    padding: dict[int, int]  # where not 1
    pool: tuple[int, int]  # side and stride
    pooled: tuple[int, ...]  # before these convolutions
    heard: tuple[int, ...]  # after these convolutions' ReLUs it is compared


ALEXNET = Layout("alexnet", (0, 3, 6, 8, 10), {0: 4}, {0: 2, 3: 2}, (3, 2), (3, 6), (0, 3, 6, 8, 10))
VGG16 = Layout(
    "vgg16", (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28), {}, {}, (2, 2), (5, 10, 17, 24), (2, 7, 14, 21, 28)
)


@dataclass(frozen=True)
class Lpips:
    """The network and the weights of its five layers, with the SHA-256 of the two files."""

    layout: Layout
    network: dict[str, Tensor]
    linear: tuple[Tensor, ...]  # [1, C, 1, 1] each
    hashes: tuple[str, str] = ("", "")

    @classmethod
    def load(cls, paths: Sequence[str | Path]) -> tuple["Lpips", list[str | Path]]:
        """Of files in any order, and the others among them. UsageError where one of the two kinds is missing.

        SaddleError for files that do not fit each other, and for what `weights.read` refuses.
        """
        states = {path: read(path, FILES) for path in paths}
        linear = next((path for path, state in states.items() if LINEAR.format(0) in state), None)
        network = next((path for path, state in states.items() if "features.0.weight" in state), None)
        if linear is None or network is None:
            found = ", ".join(map(str, paths))
            raise UsageError(f"lpips is read from two weight files: {FILES}; {found} is not both of them")
        layout = next((each for each in (ALEXNET, VGG16) if _convolutions(states[network]) == each.convolutions), None)
        if layout is None or not _joins(states[network], layout):
            raise SaddleError(f"{network} is neither AlexNet nor VGG16 as torchvision has them")
        lin = _linear(states[linear], linear)
        widths = [len(states[network][f"features.{at}.weight"]) for at in layout.heard]
        if [each.shape[1] for each in lin] != widths:
            raise SaddleError(f"{linear} is for another network than {network}, whose layers are {widths} wide")
        lpips = cls(layout, states[network], lin, (digest(network), digest(linear)))
        return lpips, [path for path in paths if path not in (linear, network)]

    def layers(self, images: Tensor) -> list[Tensor]:
        """The five layers' features of images [N, 3, H, W] in [-1, 1], each [N, C', h, w], vectors of length 1."""
        x = (images.float().cpu() - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
        found, of = [], self.layout
        for at in of.convolutions:
            if at in of.pooled:
                x = max_pool2d(x, *of.pool)
            weight, bias = (self.network[f"features.{at}.{name}"].float() for name in ("weight", "bias"))
            x = conv2d(x, weight, bias, of.strides.get(at, 1), of.padding.get(at, 1)).relu()
            if at in of.heard:
                found.append(x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10))
        return found

    @torch.no_grad()
    def __call__(self, images: Tensor, truth: Tensor) -> Tensor:
        """Of each image [N, C, H, W] in [-1, 1] and the true one: [N], 0 for the same, about 1 for very different ones.

        Grey images are taken as colours. UsageError for other shapes, other channels, and fewer than 31 pixels.
        """
        check_alike(images, truth)
        if images.shape[1] not in (1, 3) or min(images.shape[-2:]) < SMALLEST:
            raise UsageError(
                f"lpips is of grey or colour images of {SMALLEST} pixels or more, not of shape {[*images.shape[1:]]}"
            )
        a, b = (self.layers(x.clamp(-1, 1).expand(-1, 3, -1, -1)) for x in (images, truth))
        total = torch.zeros(len(images))
        for x, y, weight in zip(a, b, self.linear, strict=True):
            total += ((x - y).square() * weight.float()).sum(1).mean((1, 2))
        return total


def _convolutions(state: dict[str, Tensor]) -> tuple[int, ...]:
    names = (name.split(".") for name in state if name.startswith("features.") and name.endswith(".weight"))
    return tuple(sorted(int(parts[1]) for parts in names if len(parts) == 3 and parts[1].isdecimal()))


def _joins(state: dict[str, Tensor], layout: Layout) -> bool:
    """Does each convolution take what the one before it gives?"""
    width = 3
    for at in layout.convolutions:
        weight, bias = state[f"features.{at}.weight"], state.get(f"features.{at}.bias")
        if weight.ndim != 4 or weight.shape[1] != width or bias is None or bias.shape != weight.shape[:1]:
            return False
        width = len(weight)
    return True


def _linear(state: dict[str, Tensor], path: str | Path) -> tuple[Tensor, ...]:
    names = [LINEAR.format(k) for k in range(5)]
    wrong = [name for name in names if name not in state or state[name].shape[:1] + state[name].shape[2:] != (1, 1, 1)]
    if wrong or LINEAR.format(5) in state:
        raise SaddleError(f"{path} does not hold LPIPS's weights of five layers, {names[0]} to {names[-1]}")
    return tuple(state[name] for name in names)


def _look(turned: Turned) -> dict[str, Tensor]:
    """With a mask, what lies outside of it is the truth's."""
    lpips, truth, inside = turned.tools["lpips"], turned.truth, turned.inside
    assert truth is not None
    every = {"": turned.made} | turned.beside
    if inside is not None:
        every = {whose: torch.where(inside > 0, images, truth) for whose, images in every.items()}
    return {whose: lpips(images, truth) for whose, images in every.items()}


LPIPS: Ingredient[Lpips] = Ingredient(
    "lpips",
    f"two weight files in your hands, {FILES}: --weights alexnet-owt-7be5be79.pth --weights alex.pth",
    entries=lambda lpips, _: {
        "network": lpips.layout.name,
        "network_hash": lpips.hashes[0],
        "linear_hash": lpips.hashes[1],
    },
)
EACH = Each(
    "lpips_each",
    f"{PAIRS}, grey or in colour, of {SMALLEST} pixels or more",
    needs=(LPIPS,),
    look=_look,
    when=lambda way: way.compares and way.shape[0] in (1, 3) and way.side >= SMALLEST,
)

METRICS = {
    "lpips": Metric(
        "how different translations look from the true images, as a network of photographs sees it; 0 is the same",
        "lower",
        (TRANSLATIONS, LPIPS, EACH),
        score_of(EACH),
    )
}
