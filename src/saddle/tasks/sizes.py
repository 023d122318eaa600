"""Sizes: every sample is drawn at several sizes."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from .synthesis import Synthesis


class Sizes(Synthesis):
    """A game that draws every sample at several sizes."""

    @property
    def scores(self) -> tuple[str, ...]:
        return (*super().scores, "attributes_smallest")

    @abstractmethod
    def images(self, z: Tensor, label: Tensor | None = None) -> list[Tensor]:
        """What it draws of given latents (and labels), the smallest first, each [N, C, h, w] in [-1, 1]."""

    def by_size(self, z: Tensor, label: Tensor | None = None) -> dict[str, Tensor]:
        """The images [N, C, h, w] of latents z [N, …] and labels [N, …] by size, such as 16x16, the smallest first."""
        return {"x".join(map(str, x.shape[2:])): x for x in self.images(z, label)}
