"""Averaged copies of players, for sampling."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy

import torch
from torch import nn

from ..tasks import Game


def decay(images: float, batch: int, half_life: float, ramp: float | None) -> float:
    """β after a step of `batch` images: 0.5^(batch / half-life), the half-life at most `ramp` of the images so far.

    Karras et al., 2020 (StyleGAN2-ADA), Appendix C.
    """
    if ramp is not None:
        half_life = min(half_life, images * ramp)
    return 0.5 ** (batch / max(half_life, 1e-8))


class Averages(nn.Module):
    """p̄ ← β p̄ + (1 - β) p after each round, for parameters and for the statistics of batch norm alike.

    Statistics that were copied instead would belong to other weights. For dcgan on digits after 900 rounds, half-life
    30,000 images: FID 6.10 floors with averaged ones, 6.02 with ones estimated anew, 6.53 with copied ones. Whole
    numbers are copied.
    """

    def __init__(self, game: Game):
        super().__init__()
        self.copies = nn.ModuleDict({n: deepcopy(game.get_submodule(n)).requires_grad_(False) for n in game.averaged})

    @torch.no_grad()
    def update(self, game: Game, beta: float) -> None:
        for name, copy in self.copies.items():
            player = game.get_submodule(name)
            means, values = [], []
            for mean, value in zip(_tensors(copy), _tensors(player), strict=True):
                if mean.is_floating_point():
                    means.append(mean)
                    values.append(value)
                else:
                    mean.copy_(value)
            torch._foreach_lerp_(means, values, 1 - beta)

    @contextmanager
    def playing(self, game: Game) -> Iterator[Game]:
        """Inside, the averages stand in for their players, and every network is in its state for use."""
        players = {name: game.get_submodule(name) for name in self.copies}
        for name, copy in self.copies.items():
            setattr(game, name, copy)
        was_training = game.training
        game.eval()
        try:
            yield game
        finally:
            for name, player in players.items():
                setattr(game, name, player)
            game.train(was_training)


def _tensors(module: nn.Module) -> list[torch.Tensor]:
    return [*(p.data for p in module.parameters()), *module.buffers()]
