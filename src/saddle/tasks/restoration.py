"""Restoration: damaged, small or incomplete images become whole ones."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from torch import Tensor

from .game import Columns, Game, Held


class Restoration(Game):
    """A game that gives back what an image has lost. Its batches hold the image and what was left of it."""

    needs: tuple[str, ...] = ("damaged", "image")
    averaged: ClassVar[tuple[str, ...]] = ("generator",)
    purpose = "restoration (saddle restore)"

    @property
    def scores(self) -> tuple[str, ...]:
        return (*super().scores, "psnr")

    @property
    def early_scores(self) -> tuple[str, ...] | None:
        return ("psnr",)

    def restore_with(self, image: Tensor, use: Restoration.Use) -> Tensor:
        """As `restore`, with what was chosen."""
        return self.restore(image)

    @abstractmethod
    def restore(self, image: Tensor) -> Tensor:
        """Images [N, C, h, w] in [-1, 1] as they were before, [N, C, H, W] in [-1, 1]."""

    def shown(self, held: Held) -> Columns:
        """Eight held-out images: damaged, restored, as they were."""
        batch = held(8)
        damaged, whole = (batch[key] for key in self.needs[:2])
        return {"damaged": damaged, "restored": self.restore(damaged), "truth": whole}
