"""Dropout that does not depend on how a batch is divided."""

from torch import Tensor, nn

from ..base import rng


class Dropout(nn.Module):
    """Keeps a unit with chance `keep` and scales it by 1 / keep, while training.

    torch's own draws differ for every process and micro-batch; these are the whole batch's.
    """

    def __init__(self, keep: float):
        super().__init__()
        self.keep = keep

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        kept = rng.rand(*x.shape, device=x.device) < self.keep
        return x * kept / self.keep

    def extra_repr(self) -> str:
        return f"keep={self.keep}"
