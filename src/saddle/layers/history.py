"""A history of refined images. Shrivastava et al., 2017 (SimGAN), Section 2.3. https://arxiv.org/abs/1612.07828"""

import torch
from torch import Tensor

from ..base import dist, rng
from ..base.known import listed
from .memory import Memory


class History(Memory):
    """Half of a batch that a discriminator is shown is refined now, the other half comes from here.

    Then the new half replaces as many old images, each of them chosen by chance. At the start, when nothing is
    remembered, the whole batch is new. `size` 0 remembers nothing. A part of a batch has an even number of images.
    """

    def halved(self, x: Tensor) -> Tensor:
        """Those of images [N, …] to be refined now: every second one, [N / 2, …]; all if nothing is remembered."""
        return x[::2] if self else x

    def mixed(self, new: Tensor) -> Tensor:
        """New images with as many of the history, in turn, [2N, …]; new ones alone if nothing is remembered.

        new [N, …]
        """
        return torch.stack((new, self.draw(len(new)).to(new)), 1).flatten(0, 1) if self else new

    def renew(self, new: Tensor, n: int) -> None:
        """After the step: what was new goes in; half of it, if all n images that were shown were new.  new [N, …]"""
        if len(self.samples):
            self.keep(new if len(new) < n else new[::2])

    def places(self, n: int) -> list[int]:
        """As of Memory, but all that come with one batch take different places, in however many parts they come."""
        size, kept = len(self.samples), n * dist.world()
        with rng.share(0, 1):  # one order for all parts of the batch: each takes the places that come next in it
            order = listed(rng.rand(size).argsort())
        first = rng.index() // dist.world() * kept
        return [order[i % size] for i in range(first, first + kept)]
