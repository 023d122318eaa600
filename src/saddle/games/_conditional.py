"""Games whose players are given the label of each sample, where their setting `conditional` says so."""

from typing import Any

from torch import Tensor

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
