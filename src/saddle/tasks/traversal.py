"""Traversal: a latent is made of codes that can be looked at one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from .synthesis import Synthesis


class Sweep(NamedTuple):
    """One code, which takes its values one after the other while the rest of the latent stays."""

    slot: slice | None  # in the latent; None: beside it, the label
    values: Tensor  # [steps, numbers in that place], or labels int64 [steps]


class Traversal(Synthesis):
    """A game whose latents are made of codes that can be looked at one by one."""

    purpose = "traversal (saddle traverse)"

    @dataclass(frozen=True)
    class Options(Synthesis.Options):
        pass

    reach: ClassVar[float] = 3.0  # how far from 0 a number of the latent is swept
    condition_beside: ClassVar[bool] = True  # is the condition a separate argument of `decode`, not a part of z?

    def sweeps(self, steps: int, reach: float | None = None) -> dict[str, Sweep]:
        """Every code by its name, in `steps` even steps from -reach to reach, by default as far as latents lie.

        Of a game that takes a class, "label" comes first: all of them.
        """
        label = {"label": Sweep(None, torch.arange(len(self.labels), device=self.device))} if self.labels else {}
        values = torch.linspace(-1, 1, steps, device=self.device, dtype=self.dtype)[:, None]
        values = values * (self.reach if reach is None else reach)
        return label | {f"z{i}": Sweep(slice(i, i + 1), values) for i in range(self.options.z_dim)}  # type: ignore[attr-defined]
