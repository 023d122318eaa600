"""A small network that teaches itself what images show: how they are turned, and where a piece of one lies.

Unsupervised Representation Learning by Predicting Image Rotations. Gidaris et al., 2018.
https://arxiv.org/abs/1803.07728
Unsupervised Visual Representation Learning by Context Prediction. Doersch et al., 2015.
https://arxiv.org/abs/1505.05192
"""

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ..base import rng
from ..base.precision import full
from ..layers.pixel_norm import pixel_norm

SMALLEST = 12  # pixels: a ninth of an image is then a piece of 3 with room to move
_TURNS, _NEIGHBOURS = 4, 8
_AROUND = [(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1) if (row, column) != (0, 0)]


class Lesson(NamedTuple):
    """The loss of the answers to a question, and the share of them that is right; both []."""

    loss: Tensor
    right: Tensor


class Pretext(nn.Module):
    """Images [N, C, H, W] → maps of four stages, each half as large as the one before, of mean square 1 at each pixel.

    Nothing in it looks at other images of the batch.

    Each map is [N, C', h, w].
    """

    def __init__(self, channels: int, width: int = 32):
        super().__init__()
        widths = [channels, width, 2 * width, 4 * width, 4 * width]
        self.stages = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(before, wide, 3, 1 if place == 0 else 2, 1),
                nn.ReLU(),
                nn.Conv2d(wide, wide, 3, 1, 1),
                nn.ReLU(),
            )
            for place, (before, wide) in enumerate(pairwise(widths))
        )
        self.turn, self.place = nn.Linear(widths[-1], _TURNS), nn.Linear(2 * widths[-1], _NEIGHBOURS)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, x: Tensor) -> list[Tensor]:
        return [pixel_norm(full(x)) for x in self.maps(x)]

    def maps(self, x: Tensor) -> list[Tensor]:
        """The maps of the stages, not yet normalised, each [N, C', h, w], of images [N, C, H, W]."""
        found: list[Tensor] = []
        for stage in self.stages:
            found.append(stage(found[-1] if found else x))
        return found

    def lessons(self, images: Tensor) -> dict[str, Lesson]:
        """Which quarter turn has an image of [N, C, H, W]? Which of the 8 pieces around the middle is this?"""
        turned, turns = _turned(images)
        pieces, neighbours = _pieces(images)
        middle, other = self.code(pieces).chunk(2)
        answers = {"rotation": (self.turn(self.code(turned)), turns)}
        answers["position"] = (self.place(torch.cat((middle, other), 1)), neighbours)
        return {
            name: Lesson(cross_entropy(full(logits), truth), (logits.argmax(1) == truth).float().mean())
            for name, (logits, truth) in answers.items()
        }

    def code(self, x: Tensor) -> Tensor:
        """The mean of the last map of each image: x [N, C, H, W] → [N, F]."""
        return self.maps(x)[-1].mean((2, 3))


def _turned(images: Tensor) -> tuple[Tensor, Tensor]:
    """The middle squares of images, each by so many quarter turns, and how many, int64 [N]."""
    height, width = images.shape[-2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = images[..., top : top + side, left : left + side]
    turns = rng.randint(_TURNS, len(images), device=images.device)
    each = torch.stack([square.rot90(k, (2, 3)) for k in range(_TURNS)])
    return each[turns, torch.arange(len(images), device=images.device)], turns


def _pieces(images: Tensor) -> tuple[Tensor, Tensor]:
    """The middle pieces of images and then one of the 8 around each, [2N, C, h, w]; which one, int64 [N].

    A piece is three quarters of a cell of a 3 × 3 grid, anywhere in it, so that no edge goes on from piece to piece.
    """
    n, device = len(images), images.device
    cells = torch.tensor(images.shape[-2:], device=device) // 3
    sizes = [max(1, int(side) // 3 * 3 // 4) for side in images.shape[-2:]]
    neighbours = rng.randint(_NEIGHBOURS, n, device=device)
    around = torch.tensor(_AROUND, device=device)[neighbours]
    pieces = []
    for where in (torch.zeros_like(around), around):
        room = cells - torch.tensor(sizes, device=device) + 1
        corner = (1 + where) * cells + (rng.rand(n, 2, device=device) * room).long()
        rows, columns = (corner[:, k, None] + torch.arange(size, device=device) for k, size in enumerate(sizes))
        index = torch.arange(n, device=device)[:, None, None], rows[:, :, None], columns[:, None, :]
        pieces.append(images.movedim(1, -1)[index].movedim(-1, 1))
    return torch.cat(pieces), neighbours
