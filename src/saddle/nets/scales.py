"""Discriminators of an image, of its half, of its quarter … Wang et al., 2018. https://arxiv.org/abs/1711.11585"""

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, l1_loss

from ..base.precision import full
from .patch import patch_discriminator

Maps = list[list[Tensor]]  # of each scale those of its layers; the last one, [N, 1, h, w], has the logits


class Scales(nn.ModuleList):
    """PatchGANs of like layers, the first of whole images, each next one of images of half the size (Section 3.2).

    2,801,601 parameters each, for 39 channels and 3 layers. Instance norm has no weights, and edges are padded by 2.
    """

    def __init__(self, shape: tuple[int, int, int], scales: int, layers: int, width: int):
        channels, height, wide = shape
        sides = [(height >> scale, wide >> scale) for scale in range(scales)]
        super().__init__(patch_discriminator((channels, *side), layers, width, padding=2) for side in sides)

    def forward(self, x: Tensor, first: int = 0) -> Maps:
        """What they make of images [N, C, H, W], which are of the size that judge number `first` is for."""
        found = []
        for judge in [*self][first:]:
            found.append(_maps(judge, x))
            x = coarser(x)
        return found


def coarser(x: Tensor) -> Tensor:
    """Means of 3 × 3 pixels, 2 apart; at the edge of those that there are.  [N, C, H, W] → [N, C, ⌈H/2⌉, ⌈W/2⌉]"""
    return avg_pool2d(x, 3, 2, 1, count_include_pad=False)


def matching(real: Maps, fake: Maps) -> Tensor:
    """How far the maps of fakes are from those of real images, without the logits.  Wang et al., 2018, Eq. 4.

    The mean over the scales of 4 / L times the sum over the L maps of a scale of the mean distance: for four maps the
    sum itself, as in the code. Real images get no gradient.
    """
    apart = [
        4 / len(ones[:-1]) * l1_loss(full(other), full(one).detach())
        for ones, others in zip(real, fake, strict=True)
        for one, other in zip(ones[:-1], others[:-1], strict=True)
    ]
    return sum(apart[1:], apart[0]) / len(real)


def _maps(judge: nn.Module, x: Tensor) -> list[Tensor]:
    found = []
    for layer in judge.children():
        x = layer(x)
        if isinstance(layer, nn.LeakyReLU):
            found.append(x)
    return [*found, full(x)]
