"""What a network sees of the objects in an image."""

from typing import NamedTuple

import torch
from torch import Tensor


def edges(instances: Tensor) -> Tensor:
    """Numbers of objects, int64 [N, H, W] → their outlines, float [N, 1, H, W]: 1 where a neighbour differs, else 0.

    Neighbours lie above, below, left and right, so that both sides of a border are marked. Wang et al., 2018,
    Section 3.3. https://arxiv.org/abs/1711.11585
    """
    outlines = torch.zeros_like(instances, dtype=torch.bool)
    for axis in (1, 2):
        n = instances.shape[axis] - 1
        differs = instances.narrow(axis, 0, n) != instances.narrow(axis, 1, n)
        outlines.narrow(axis, 0, n).logical_or_(differs)
        outlines.narrow(axis, 1, n).logical_or_(differs)
    return outlines[:, None].float()


class Objects(NamedTuple):
    """The K objects of a batch, in the order of its images and of their numbers."""

    of: Tensor  # which of them each pixel belongs to, int64 [N, H, W]
    image: Tensor  # in which image each is, int64 [K]
    number: Tensor  # the number that stands for it in that image, int64 [K]
    kind: Tensor  # its class, int64 [K]
    size: Tensor  # its pixels, int64 [K]

    def means(self, x: Tensor) -> Tensor:
        """The mean of maps [N, C, H, W] over each object, [K, C]."""
        total = x.new_zeros(len(self.size), x.shape[1])
        return total.index_add(0, self.of.flatten(), x.movedim(1, -1).flatten(0, 2)) / self.size[:, None]

    def painted(self, values: Tensor) -> Tensor:
        """Values of each object, [K, C], at all its pixels: [N, C, H, W]."""
        return values[self.of].movedim(-1, 1)

    def shares(self) -> Tensor:
        """The part of its image that each object covers, [K]."""
        return self.size / (self.of.shape[-2] * self.of.shape[-1])


def objects(instances: Tensor, classes: Tensor, count: int) -> Objects:
    """The objects of pixels' object numbers and classes, both int64 [N, H, W]; classes are below `count`.

    What has one number and two classes is two objects: some files give all that is no object the number 0.
    """
    numbers = instances.unique()
    image = torch.arange(len(instances), device=instances.device)[:, None, None]
    key = (image * len(numbers) + torch.searchsorted(numbers, instances)) * count + classes
    there, of, size = key.unique(return_inverse=True, return_counts=True)
    return Objects(of, there // count // len(numbers), numbers[there // count % len(numbers)], there % count, size)
