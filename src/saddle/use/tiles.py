"""Large images through a network in tiles, exactly: the result is that of the whole image, in bounded memory.

Convolutions need the pixels around a tile. What normalises over an image's positions (instance norm) needs statistics
of the whole image: they are measured over all tiles, for one such layer after the other. Where it would take long to
come from the image to the next one again, an activation is kept, in memory or in a temporary file.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ..base.errors import UsageError
from . import local, route
from .moments import Moments
from .shelf import Shelf
from .walk import SMALLEST, Walk
from .whole import cost

__all__ = ["KEPT", "SMALLEST", "TILE", "Statistics", "apply", "cost", "receptive_field", "statistics"]

TILE = 512  # pixels a side
KEPT = 1 << 30  # bytes of activations in memory
Statistics = list[Moments]  # of the input of every layer that normalises over positions, in the network's order


@torch.no_grad()
def apply(
    network: nn.Module,
    image: Tensor | np.ndarray,
    *,
    tile: int = TILE,
    out: Tensor | None = None,
    statistics: Statistics | None = None,
    keep: int = KEPT,
    folder: Path | None = None,
) -> Tensor:
    """The output of `network` for one image [1, C, H, W]: as if computed at once, except for rounding.

    The image holds floats as the network takes them, or uint8 (0 … 255 for -1 … 1): a tensor on the processor or an
    array, which may be a memory map. Tiles go to the network's device one at a time. `tile` is their side in pixels
    of the image; the result does not depend on it. The result goes into `out` [1, K, h, w], of floats or uint8; by
    default into a new tensor of the network's type. `statistics` are used in place of the image's own. More than
    `keep` bytes of activations go into a temporary file without a name, in `folder` or where TMPDIR says.

    UsageError, with the reason, if the network cannot be tiled exactly; SaddleError if the disk is full. Memory that
    runs out is PyTorch's error: half the tile needs about a quarter.

    image [1, C, H, W] or [C, H, W], out [1, C', H', W'] → [1, C', H', W']
    """
    walk = Walk(network, image, tile, statistics)
    shape = (1, *walk.route.shapes[-1])
    if out is None:
        out = torch.empty(shape, dtype=walk.dtype)
    elif tuple(out.shape) != shape:
        raise UsageError(f"the result of this image has the shape {list(shape)}, and out has {list(out.shape)}")
    walk.run(Shelf(keep, folder), out)
    return out


@torch.no_grad()
def statistics(
    network: nn.Module,
    images: Iterable[Tensor | np.ndarray],
    *,
    tile: int = TILE,
    keep: int = KEPT,
    folder: Path | None = None,
) -> Statistics:
    """Of all positions of several images, each normalised by its own; for `apply`, which has the same arguments.

    With those of a clip, what stands still in it looks the same in every frame. UsageError as `apply`.

    Each image is [1, C, H, W] or [C, H, W].
    """
    totals: Statistics = []
    for image in images:
        walk = Walk(network, image, tile)
        walk.run(Shelf(keep, folder), None)
        totals = totals or [Moments() for _ in walk.moments]
        for total, of in zip(totals, walk.moments, strict=True):
            total.merge(of.count, of.mean, of.squares)
    return totals


def receptive_field(network: nn.Module) -> int:
    """How many pixels to each side a pixel of the result is made from, statistics of the whole image left out.

    UsageError, with the reason, if the network cannot be tiled exactly.
    """
    return route.receptive_field(local.layers(network))
