"""Discriminators of an image, of its half, of its quarter … Wang et al., 2018. https://arxiv.org/abs/1711.11585"""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, l1_loss

from ..base.precision import full
from .patch import patch_discriminator

Maps = list[list[Tensor]]  # of each scale those of its layers; the last one, [N, 1, h, w], has the logits


class Scales(nn.ModuleList):
    """PatchGANs of like layers, the first of whole images, each next one of images of half the size (Section 3.2).

    2,801,601 parameters each, for 39 channels and 3 layers. Instance norm has no weights, and edges are padded by 2;
    `biased` are the convolutions before it.
    """

    def __init__(self, shape: tuple[int, int, int], scales: int, layers: int, width: int, biased: bool = True):
        channels, height, wide = shape
        sides = [(height >> scale, wide >> scale) for scale in range(scales)]
        judges = (patch_discriminator((channels, *side), layers, width, padding=2, biased=biased) for side in sides)
        super().__init__(judges)

    def forward(self, x: Tensor, first: int = 0) -> Maps:
        """Their output for images [N, C, H, W], which have the size that discriminator number `first` is for."""
        found = []
        for judge in [*self][first:]:
            found.append(maps_of(judge, x))
            x = coarser(x)
        return found


def coarser(x: Tensor) -> Tensor:
    """Means of 3 × 3 pixels, 2 apart; at the edge of those that there are.  [N, C, H, W] → [N, C, ⌈H/2⌉, ⌈W/2⌉]"""
    return avg_pool2d(x, 3, 2, 1, count_include_pad=False)


MATCHED = "Σ_j |φ_j(G(z)) - φ_j(x)|, φ_j the j-th map of the discriminator"  # the formula of `matching`


def matching(real: Maps, fake: Maps, scaled: bool = True) -> Tensor:
    """How far the maps of fakes are from those of real images, without the logits.  Wang et al., 2018, Eq. 4.

    The mean over the scales of 4 / L times the sum over the L maps of a scale of the mean distance: for four maps the
    sum itself, as in the code. It is the sum for any number of maps if it is not to be `scaled`, as in SPADE. Real
    images get no gradient.

    Returns []; each map is [N, C', h, w].
    """
    apart = [
        (4 / len(ones[:-1]) if scaled else 1) * l1_loss(full(other), full(one).detach())
        for ones, others in zip(real, fake, strict=True)
        for one, other in zip(ones[:-1], others[:-1], strict=True)
    ]
    return sum(apart[1:], apart[0]) / len(real)


def logits_of(maps: Maps) -> Tensor:
    """The logits of the patches of all scales, [N, P]."""
    return torch.cat([each[-1].flatten(1) for each in maps], 1)


def maps_of(judge: nn.Module, x: Tensor) -> list[Tensor]:
    """The maps of a discriminator's layers, each [N, C', h, w], for images x [N, C, H, W]; the logits come last."""
    found = []
    for layer in judge.children():
        x = layer(x)
        if isinstance(layer, nn.LeakyReLU):
            found.append(x)
    return [*found, full(x)]
