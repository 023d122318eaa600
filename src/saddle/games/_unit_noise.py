"""Games whose latents the authors drew from the unit cube: their options have the prior uniform."""

from torch import Tensor

from ..base import rng
from ..tasks import Synthesis


class UnitNoise(Synthesis):
    limits = (0.0, 1.0)

    def uniform(self, *shape: int) -> Tensor:
        """Numbers in [0, 1)."""
        return rng.rand(*shape, device=self.device)
