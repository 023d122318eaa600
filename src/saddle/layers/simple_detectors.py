"""Detectors that need no training by gradients: what a game that finds defects has to beat.

Each is shown normal images and then says of others how unusual they are, and every pixel of them. All take images
[N, C, H, W] in [-1, 1].
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn.functional import interpolate

COMPONENTS = 32
_AT_A_TIME = 256  # images whose distances are computed at once

Told = tuple[Tensor, Tensor]  # scores [N] and maps [N, 1, H, W], higher for the more unusual
Detector = Callable[[Tensor], Told]


class Principal:
    """The part of an image that its `components` principal directions in the normal ones do not explain (PCA)."""

    def __init__(self, normal: Tensor, components: int = COMPONENTS):
        x = normal.double().flatten(1)
        self.mean = x.mean(0)
        rank = min(components, len(x) - 1, x.shape[1])
        self.directions = torch.linalg.svd(x - self.mean, full_matrices=False)[2][: max(rank, 0)]  # [K, D]

    def __call__(self, images: Tensor) -> Told:
        """The scores [N] and maps [N, 1, H, W] of images [N, C, H, W]."""
        centred = images.double().flatten(1) - self.mean
        return _told((centred - centred @ self.directions.T @ self.directions).view(images.shape))


class Mean:
    """The distance from the mean of the normal images."""

    def __init__(self, normal: Tensor):
        self.mean = normal.double().mean(0)

    def __call__(self, images: Tensor) -> Told:
        """The scores [N] and maps [N, 1, H, W] of images [N, C, H, W]."""
        return _told(images.double() - self.mean)


class Nearest:
    """The distance from the nearest of the normal images (1-NN)."""

    def __init__(self, normal: Tensor):
        self.normal = normal.float()

    def __call__(self, images: Tensor) -> Told:
        """The scores [N] and maps [N, 1, H, W] of images [N, C, H, W]."""
        found = [torch.cdist(part.float().flatten(1), self.normal.flatten(1)).argmin(1) for part in _parts(images)]
        return _told(images.double() - self.normal[torch.cat(found)].double())


def area(scores: Tensor, positive: Tensor) -> float:
    """The chance that a positive one has a higher score than another, ties counted half, of [N] and bool [N].

    This is the area under the ROC curve (Mann and Whitney). NaN unless there are both.
    """
    many, few = scores[positive], scores[~positive].sort().values
    if not len(many) or not len(few):
        return float("nan")
    below, up_to = (torch.searchsorted(few, many, right=right) for right in (False, True))
    return float((below + up_to).sum()) / 2 / (len(many) * len(few))


def enlarged(maps: Tensor, sides: tuple[int, ...]) -> Tensor:
    """Maps [N, 1, h, w] as large as the masks that they are compared with, bilinear: masks are not made smaller.

    Returns [N, 1, *sides].
    """
    return maps if maps.shape[-2:] == sides else interpolate(maps, size=sides, mode="bilinear", align_corners=False)


def _parts(images: Tensor) -> Iterator[Tensor]:
    yield from images.split(_AT_A_TIME)


def _told(left: Tensor) -> Told:
    """From what is left of images [N, C, H, W]: mean squares, of all and of every pixel."""
    squares = left.square()
    return squares.flatten(1).mean(1), squares.mean(1, keepdim=True)
