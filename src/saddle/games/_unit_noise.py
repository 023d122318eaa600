"""Games whose latents the authors drew from the unit cube."""

from dataclasses import dataclass

from torch import Tensor

from ..base import rng
from ..tasks import Prior, Synthesis


class UnitNoise(Synthesis):
    @dataclass(frozen=True)
    class Options(Synthesis.Options):
        prior: Prior = "uniform"  # distribution of a number of z: uniform in [0, 1), or normal

    options: Options

    def uniform(self, *shape: int) -> Tensor:
        """Numbers in [0, 1)."""
        return rng.rand(*shape, device=self.device)
