"""What a two-player game asks of an architecture."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import nn

from ..spec import DataSpec


@dataclass(frozen=True)
class Network(ABC):
    """An architecture as a setting: it builds both players for the data at hand.

    Both methods raise UsageError for data that the architecture cannot draw, and say which sizes it can.
    """

    @abstractmethod
    def generator(self, z_dim: int, data: DataSpec) -> nn.Module:
        """Latents [N, z_dim] → samples [N, C, H, W] in [-1, 1] or points [N, D]."""

    @abstractmethod
    def discriminator(self, data: DataSpec) -> nn.Module:
        """Samples → logits [N]."""
