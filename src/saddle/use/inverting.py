"""The latents of images, for any game of Synthesis, by AnoGAN's search down the mean squared error of pixels."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ..layers.search import Descent, at_rest
from ..metrics.psnr import psnr
from ..tasks import Synthesis
from ..tasks.searching import search

# Ten times the steps' length of AnoGAN's, since an inversion is to arrive; lr falls at the end, so that it settles.
DEFAULT = Descent(steps=500, lr=0.05, betas=(0.9, 0.999), restarts=4, settle=0.25)


def inverted(
    game: Synthesis, image: Tensor, label: Tensor | None = None, seed: int = 0, **how: Any
) -> tuple[Tensor, Tensor, Tensor]:
    """Latents of images [N, C, H, W] in [-1, 1], [N, …], what they show, and how near it is in decibels, [N].

    `how` are fields of a Descent, in place of the defaults. UsageError where a label is missing, and for a game through
    whose samples no gradient reaches a latent.
    """
    found = search(game, image, squared, replace(DEFAULT, **how), seed, label)
    with torch.no_grad(), at_rest(game):
        made = game.decode(found.z, label)
    return found.z, made, psnr(made, image)


def squared(made: Tensor, image: Tensor) -> Tensor:
    """The mean squared difference [N] of the pixels of images, both [N, C, H, W]."""
    return (made - image).square().flatten(1).mean(1)
