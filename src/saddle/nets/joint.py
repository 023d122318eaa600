"""What a game asks of an architecture whose discriminator judges samples together with their codes."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor, nn

from ..base.settings import Settings
from ..spec import DataSpec


class JointDiscriminator(nn.Module, ABC):
    """Samples [N, C, H, W] and codes [N, K] → logits [N]."""

    @abstractmethod
    def forward(self, x: Tensor, code: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class JointNetwork(Settings, ABC):
    """An architecture as a setting: a generator, an encoder, and who judges pairs of them.

    All three methods raise UsageError for data that the architecture cannot draw, and say which sizes it can.
    """

    @abstractmethod
    def generator(self, inputs: int, data: DataSpec) -> nn.Module:
        """Codes [N, inputs] → samples [N, C, H, W] in [-1, 1]."""

    @abstractmethod
    def encoder(self, outputs: int, data: DataSpec) -> nn.Module:
        """Samples → numbers [N, outputs]."""

    @abstractmethod
    def discriminator(self, inputs: int, data: DataSpec) -> JointDiscriminator:
        """Samples and codes [N, inputs] → logits [N]."""
