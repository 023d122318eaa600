"""Statistics of a whole batch, whose micro-batches and processes see it in parts."""

import torch
from torch import Tensor

from ..base import dist


class WholeMean:
    """The mean of a round's parts.

    Micro-batches play their rounds in step, so the last `add` of a round knows them all and its mean is the one that
    stays: `reset` before the round's first move, `add` after it.
    """

    def __init__(self) -> None:
        self.parts: list[Tensor] = []

    def reset(self) -> None:
        self.parts.clear()

    def add(self, part: Tensor) -> Tensor:
        """The mean of the parts so far, over the processes too.  part, any shape → same shape"""
        self.parts.append(dist.mean(part))
        return torch.stack(self.parts).mean(0)
