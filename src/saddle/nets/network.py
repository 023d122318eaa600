"""What a two-player game asks of an architecture."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from ..base.settings import Settings
from ..context import Output
from ..spec import DataSpec, Kind


class Discriminator(nn.Module):
    """A trunk, samples → features [N, …], and a head, features → logits, which may also take labels int64 [N]."""

    def __init__(self, trunk: nn.Module, head: nn.Module):
        super().__init__()
        self.trunk, self.head = trunk, head

    def forward(self, x: Tensor, label: Tensor | None = None) -> Output:
        features = self.trunk(x)
        logits = self.head(features) if label is None else self.head(features, label)
        return Output(logits.flatten(), features)


@dataclass(frozen=True)
class Network(Settings, ABC):
    """An architecture as a setting: it builds both players for given data.

    Where the data have classes, both players take a label beside their input; a game without labels leaves the classes
    out. Both methods raise UsageError for data that the architecture cannot draw, and say which sizes it can.
    """

    takes: ClassVar[tuple[Kind, ...]] = ("image",)  # kinds of samples that it can be built for
    takes_labels: ClassVar[bool] = False  # can it build for data with classes?
    takes_columns: ClassVar[bool] = False  # and for labels or numbers in columns, float [N, K]?
    gives_energies: ClassVar[bool] = False  # are its discriminator's logits minus an energy, so at most 0?

    @abstractmethod
    def generator(self, z_dim: int, data: DataSpec) -> nn.Module:
        """Latents [N, z_dim] (and labels [N]) → images [N, C, H, W] in [-1, 1], points or signals."""

    @abstractmethod
    def discriminator(self, data: DataSpec) -> Discriminator:
        """Samples (and labels [N]) → Output."""

    def class_head(self, features: int, classes: int) -> nn.Module:
        """The last layer of a classifier on the discriminator's trunk, features [N, features] → logits [N, classes]."""
        return nn.Linear(features, classes)
