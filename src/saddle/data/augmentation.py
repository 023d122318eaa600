"""Small random changes of training images: turned, scaled, shifted. They are a function of how many were drawn."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

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

    def chosen(self, seed: int, key: str, start: int, count: int) -> Callable[[Tensor], Tensor]:
        """What happens to draws start … start + count - 1, for every key of them alike."""
        return partial(self.applied, drawn=self.drawn(seed, key, start, count))

    def drawn(self, seed: int, key: str, start: int, count: int) -> Tensor:
        """For draws start … start + count - 1: angle, log of the scale, shift right and down.  [count, 4]"""
        most = math.radians(self.rotate), math.log1p(self.scale), self.shift, self.shift
        kinds = zip(("rotate", "scale", "right", "down"), most, strict=True)
        numbers = [size * _uniform(draws(kind, seed, key, start, count)) for kind, size in kinds]
        return torch.from_numpy(np.stack(numbers, 1).astype(np.float32))

    def applied(self, x: Tensor, drawn: Tensor) -> Tensor:
        """Images [N, C, H, W] in [-1, 1], each as was drawn for it, bilinearly; labels and points as they are."""
        if x.ndim != 4:
            return x
        angle, log_scale, right, down = drawn.to(x).unbind(1)
        cos, sin = angle.cos() / log_scale.exp(), angle.sin() / log_scale.exp()
        long = x.shape[2] / x.shape[3]  # grids measure in sides, and a turn is one in pixels
        back = torch.stack((cos, sin * long, -2 * right, -sin / long, cos, -2 * down), 1)  # where a pixel comes from
        grid = affine_grid(back.view(-1, 2, 3), list(x.shape), align_corners=False)
        if self.outside == "reflected":
            return grid_sample(x, grid, padding_mode="reflection", align_corners=False)
        edge = 1.0 if self.outside == "white" else -1.0
        return grid_sample(x - edge, grid, align_corners=False) + edge  # beyond the edges it reads 0


def _uniform(bits: np.ndarray) -> np.ndarray:
    """[-1, 1), of 53 of the bits."""
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-52 - 1
