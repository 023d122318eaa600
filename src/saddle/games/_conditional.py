"""Games whose players are given the label of each sample, where their setting `conditional` says so."""

from typing import Any

import torch
from torch import Tensor

from ..base import dist
from ..layers.conditional import shares
from ..spec import Batch, Condition, DataSpec
from ..tasks import Synthesis


class Conditional(Synthesis):
    """Its options have `conditional`."""

    options: Any

    def __init__(self, data: DataSpec, options: Any = None):
        super().__init__(data, options)
        if self.options.conditional:
            self.needs = ("image", "label")

    @property
    def labels(self) -> tuple[str, ...]:
        return self.data.classes if self.options.conditional else ()

    @property
    def condition(self) -> Condition | None:
        return self.data.condition if self.options.conditional else None

    @property
    def companion(self) -> str:
        return "label" if self.options.conditional else ""

    def label_of(self, batch: Batch) -> Tensor | None:
        """The labels [N, …] of a batch; None where the players are not given them."""
        return batch["label"] if self.options.conditional else None

    def embed(self, label: Tensor) -> Tensor:
        return shares(label, len(self.labels)).to(self.dtype)


def mismatched(label: Tensor, told: Tensor) -> Tensor | None:
    """For each image what the players are `told` [N, …] of another one, whose label [N, …] differs: the next that does.

    Rolling a batch by one would now and then give an image its own label. The batch is that of all processes; None if
    all its labels are the same. Labels may be captions.

    Returns [N, …].
    """
    _, kind = dist.gather(label).unique(dim=0, return_inverse=True)  # of each label
    own = torch.arange(len(label), device=label.device) + dist.rank() * len(label)
    others = (own[:, None] + torch.arange(1, len(kind), device=label.device)) % len(kind)  # [N, all others]
    differs = kind[others] != kind[own, None]
    if not differs.any():
        return None
    first = differs.int().argmax(1, keepdim=True)
    return dist.gather(told)[others.gather(1, first)[:, 0]]
