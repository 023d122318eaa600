"""Dropout that does not depend on how a batch is divided."""

from torch import Tensor, nn

from ..base import rng


class Dropout(nn.Module):
    """Keeps a unit with chance `keep` and scales it by 1 / keep, while training; `always` in use too, as a noise.

    torch's own draws differ for every process and micro-batch; these are the whole batch's.

    Any shape → same shape
    """

    def __init__(self, keep: float, always: bool = False):
        super().__init__()
        self.keep, self.always = keep, always

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training or self.always):
            return x
        kept = rng.rand(*x.shape, device=x.device) < self.keep
        return x * kept / self.keep

    def extra_repr(self) -> str:
        return f"keep={self.keep}{', always' * self.always}"


def silence(network: nn.Module) -> list[float]:
    """Leave out, in place, the dropout that a network has in use too; the share of units that each of them kept."""
    noisy = [part for part in network.modules() if isinstance(part, Dropout) and part.always]
    for part in noisy:
        part.always = False
    return [part.keep for part in noisy]
