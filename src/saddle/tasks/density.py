"""Density: how likely is an image?"""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from ..spec import Batch
from .game import Game


class Density(Game):
    """A game that says how likely an image is."""

    purpose = "likelihood (saddle evaluate --metrics elbo)"

    @property
    def scores(self) -> tuple[str, ...]:
        return (*super().scores, "elbo")

    @abstractmethod
    def bound(self, batch: Batch, draws: int = 1) -> Tensor:
        """A lower bound of log p(x) in nats, on average over its random numbers.  [N]"""
