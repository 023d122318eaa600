"""Small random changes of training images: turned, scaled, shifted. They are a function of how many were drawn.

What belongs to an image, such as a map of its classes, moves as it does: shifts are shares of the side, so its size may
be another one.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from ..spec import Kind
from .sampler import draws

Outside = Literal["reflected", "black", "white"]


@dataclass(frozen=True)
class Augmentation:
    """How far images are changed at most, each on its own."""

    rotate: float = 0.0  # degrees, either way
    scale: float = 0.0  # s: larger or smaller by a factor of up to 1 + s
    shift: float = 0.0  # in both directions, as a share of the side
    outside: Outside = "reflected"  # what comes in from beyond the edges

    def __bool__(self) -> bool:
        return any((self.rotate, self.scale, self.shift))

    def chosen(self, seed: int, key: str, start: int, count: int) -> Callable[..., Tensor]:
        """What happens to draws start … start + count - 1, for every key of them alike: (x, kind="image") → x."""
        return partial(self.applied, drawn=self.drawn(seed, key, start, count))

    def drawn(self, seed: int, key: str, start: int, count: int) -> Tensor:
        """For draws start … start + count - 1: angle, log of the scale, shift right and down.  [count, 4]"""
        most = math.radians(self.rotate), math.log1p(self.scale), self.shift, self.shift
        kinds = zip(("rotate", "scale", "right", "down"), most, strict=True)
        numbers = [size * _uniform(draws(kind, seed, key, start, count)) for kind, size in kinds]
        return torch.from_numpy(np.stack(numbers, 1).astype(np.float32))

    def applied(self, x: Tensor, drawn: Tensor, kind: Kind = "image") -> Tensor:
        """Images [N, C, H, W] in [-1, 1], each as was drawn for it, bilinearly.

        Maps and instances [N, H, W] and masks [N, 1, H, W] are not mixed: each pixel takes the nearest value, and 0
        comes in from beyond black and white edges.
        """
        height, width = x.shape[-2:]
        angle, log_scale, right, down = drawn.to(x.device, x.dtype if kind == "image" else torch.float32).unbind(1)
        cos, sin = angle.cos() / log_scale.exp(), angle.sin() / log_scale.exp()
        long = height / width  # grids measure in sides, and a turn is one in pixels
        back = torch.stack((cos, sin * long, -2 * right, -sin / long, cos, -2 * down), 1)  # where a pixel comes from
        grid = affine_grid(back.view(-1, 2, 3), [len(x), 1, height, width], align_corners=False)
        if kind != "image":
            return self._nearest(x, grid)
        if self.outside == "reflected":
            return grid_sample(x, grid, padding_mode="reflection", align_corners=False)
        edge = 1.0 if self.outside == "white" else -1.0
        return grid_sample(x - edge, grid, align_corners=False) + edge  # beyond the edges it reads 0

    def _nearest(self, x: Tensor, grid: Tensor) -> Tensor:
        """The values of x, of any type and [N, …, H, W], that lie nearest to the places of the grid."""
        pixels = math.prod(x.shape[-2:])
        number = torch.arange(1, pixels + 1, device=grid.device, dtype=grid.dtype)  # of a pixel; 0 is outside
        number = number.view(1, 1, *x.shape[-2:]).expand(len(x), -1, -1, -1)
        padding = "reflection" if self.outside == "reflected" else "zeros"
        source = grid_sample(number, grid, mode="nearest", padding_mode=padding, align_corners=False).long()
        values = torch.cat([x.new_zeros(len(x), 1), x.reshape(len(x), pixels)], 1)
        return values.gather(1, source.view(len(x), pixels)).view(x.shape)


def _uniform(bits: np.ndarray) -> np.ndarray:
    """[-1, 1), of 53 of the bits."""
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-52 - 1
