"""Detection: how unusual is an image, and where?"""

from __future__ import annotations

from abc import abstractmethod
from typing import NamedTuple

from torch import Tensor

from .game import Columns, Game, Held


class Finding(NamedTuple):
    """What is unusual in images: higher is more so."""

    score: Tensor  # [N]
    map: Tensor  # [N, 1, H, W]


class Detection(Game):
    """A game that learned normal images, and says of others how far from normal they are."""

    purpose = "detection (saddle detect)"

    @property
    def scores(self) -> tuple[str, ...]:
        return (*super().scores, "auroc")

    @property
    def early_scores(self) -> tuple[str, ...] | None:
        return ("auroc",)

    @abstractmethod
    def detect(self, image: Tensor) -> Finding:
        """How unusual images [N, C, H, W] in [-1, 1] are, and every pixel of them."""

    def shown(self, held: Held) -> Columns:
        """Eight held-out images and their maps, from black for the least value to white for the greatest."""
        image = held(8)[self.needs[0]]
        found = self.detect(image).map
        low, high = found.amin(), found.amax()
        return {"image": image, "map": 2 * (found - low) / (high - low).clamp(min=1e-12) - 1}
