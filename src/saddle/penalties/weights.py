"""Penalties on the parameters of players."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ..context import Context
from ..layers.spectral import before_norm
from .base import Penalty

Player = Literal["generator", "discriminator", "both"]


@dataclass(frozen=True)
class WeightPenalty(Penalty):
    """A penalty on the parameters of players."""

    player: Player = "both"  # whose loss it is added to

    @property
    def players(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("discriminator", "generator") if self.player == "both" else (self.player,)


@dataclass(frozen=True)
class Orthogonal(WeightPenalty):
    """‖W Wᵀ ⊙ (1 - I)‖², the sum over the player's layers W.  Brock et al., 2019, Eq. 3. https://arxiv.org/abs/1809.11096

    W has a row for each output of a layer; without the diagonal the rows' norms are free. Tables of embeddings have
    none to be orthogonal.
    """

    weight: float = 1e-4  # β, factor on the penalty
    player: Player = "generator"  # whose loss it is added to

    def measure(self, context: Context) -> Tensor:
        assert context.player
        return torch.stack([crossed(w) for w in matrices(context.player)]).sum()


def matrices(player: nn.Module) -> Iterator[Tensor]:
    """The weights of all layers that multiply, before spectral norm, one row for each output.

    Each is [outputs, inputs].
    """
    for module in player.modules():
        for kind, outputs in ((nn.Linear, 0), (nn.modules.conv._ConvTransposeNd, 1), (nn.modules.conv._ConvNd, 0)):
            if isinstance(module, kind):
                yield before_norm(module).transpose(0, outputs).flatten(1)
                break


def crossed(w: Tensor) -> Tensor:
    """‖W Wᵀ ⊙ (1 - I)‖². Where there are more rows than columns, from the smaller WᵀW, which is as long as W Wᵀ.  []

    w [R, C]
    """
    rows, columns = w.shape
    if rows <= columns:
        return off_diagonal(w @ w.T).square().sum()
    return (w.T @ w).square().sum() - w.square().sum(1).square().sum()


def off_diagonal(square: Tensor) -> Tensor:
    """A matrix [D, D] with zeros on its diagonal → same shape."""
    return square - torch.diag(square.diagonal())


@dataclass(frozen=True)
class HistoricalAveraging(WeightPenalty):
    """‖θ - θ̄‖², θ̄ the mean of a player's parameters over all rounds.  Salimans et al., 2016, Section 3.3.

    https://arxiv.org/abs/1606.03498. θ̄ is not differentiated; in the first round it is θ itself, and the penalty 0.
    """

    def remember(self, game: Any) -> nn.Module:
        return nn.ModuleDict({name: Mean(flat(game.get_submodule(name))) for name in self.players})

    def measure(self, context: Context) -> Tensor:
        assert context.memory
        assert context.player
        weights = flat(context.player)
        return (weights - context.memory.get_submodule(context.mover)(context.rounds, weights)).square().sum()


class Mean(nn.Module):
    """The mean of what it was given, one value a round: the first.  value of any shape → same shape"""

    mean: Tensor
    count: Tensor
    round: Tensor

    def __init__(self, like: Tensor):
        super().__init__()
        self.register_buffer("mean", torch.zeros_like(like))
        self.register_buffer("count", torch.tensor(0))
        self.register_buffer("round", torch.tensor(-1))

    @torch.no_grad()
    def forward(self, rounds: int, value: Tensor) -> Tensor:
        new = self.round != rounds
        self.count += new
        self.mean.lerp_(value, new.to(value) / self.count)
        self.round.fill_(rounds)
        return self.mean


def flat(player: nn.Module) -> Tensor:
    """All parameters of a player in a row.  The result is [P], P the number of parameters."""
    return torch.cat([p.flatten() for p in player.parameters() if p.requires_grad])
