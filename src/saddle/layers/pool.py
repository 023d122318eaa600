"""A history of fakes, image by image. Zhu et al., 2017 (CycleGAN), Section 4. https://arxiv.org/abs/1703.10593

The idea of a history is SimGAN's, whose own deals in halves of a batch: `history`.
"""

from functools import partial

import torch
from torch import Tensor, nn

from ..base import dist, rng
from ..base.known import drawn, known, listed, put, sent


class ImagePool(nn.Module):
    """Returns for each image, with chance 1/2, an older one, which it replaces.

    The history is that of the whole batch: every process holds the same images, and looks at those of all processes
    in the batch's order, so that neither processes nor micro-batches change what the discriminators see.
    """

    images: Tensor
    filled: Tensor

    def __init__(self, size: int, shape: tuple[int, ...]):
        super().__init__()
        self.register_buffer("images", torch.zeros(size, *shape))
        self.register_buffer("filled", torch.tensor(0))

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """As many images as given, of the same shape [N, …], without a gradient."""
        images = images.detach().to(self.images.dtype)
        size, n, device = len(self.images), len(images), images.device
        if size == 0:
            return images
        swaps, slots = drawn(rng.rand, n) < 0.5, drawn(partial(rng.randint, size), n)  # [world · N], on the processor
        out, kept = _plan(listed(torch.stack((swaps, slots), dim=1)), known(self.filled), size)
        everything = torch.cat((self.images, dist.gather(images)))
        first = dist.rank() * n
        shown = everything[sent(out[first : first + n], device)]
        put(self.filled, min(known(self.filled) + len(out), size))
        if kept:
            self.images[sent([*kept], device)] = everything[sent([*kept.values()], device)]
        return shown


def _plan(choices: list[list[int]], filled: int, size: int) -> tuple[list[int], dict[int, int]]:
    """Which image each one gives way to, and which are kept where; new image i is number size + i.

    One after the other: an image may bring back one that came just before it.
    """
    out: list[int] = []
    kept: dict[int, int] = {}
    for new, (swap, slot) in enumerate(choices, start=size):
        if filled < size:
            swap, slot, filled = 0, filled, filled + 1
            kept[slot] = new
        out.append(kept.get(slot, slot) if swap else new)
        if swap:
            kept[slot] = new
    return out, kept
