"""Games whose latents the authors drew from the unit cube."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from ..base import rng
from ..tasks import Synthesis


class UnitNoise(Synthesis):
    @dataclass(frozen=True)
    class Options(Synthesis.Options):
        prior: Literal["uniform", "normal"] = "uniform"  # distribution of a number of z: uniform in [0, 1), or normal

    options: Options

    def noise(self, n: int, label: Tensor | None = None) -> Tensor:
        """z, uniform in [0, 1) or normal.  [n, z_dim]"""
        if self.options.prior == "normal":
            return super().noise(n, label)
        return rng.rand(n, self.options.z_dim, device=self.device).to(self.dtype)  # type: ignore[attr-defined]
