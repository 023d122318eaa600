"""The truncation trick of Brock et al. (2019), Section 3.1 and Appendix E, for a generator with batch norm."""

import math
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.special import ndtr, ndtri

from ..base import rng
from ..base.errors import UsageError
from ..layers.norm import accumulating
from ..layers.tables import look_up
from ..losses import AdversarialLoss, Hinge
from ..optim import Adam, Optim, OwnOptim
from ..penalties import Orthogonal, Penalty
from ..spec import DataSpec, conditions
from ..tasks import Form
from ..tasks.form import part
from ._two_player import TwoPlayer

BATCHES, SIZE = 16, 64  # that standing statistics are taken from


def truncated_normal(uniform: Tensor, limit: float) -> Tensor:
    """Standard normal numbers within ±limit, float64: uniform numbers in [0, 1) of any shape → same shape.

    The distribution of drawing again until |z| ≤ limit, without the loop.
    """
    end = ndtr(torch.tensor(-limit, dtype=torch.float64, device=uniform.device))
    return ndtri(end + (1 - 2 * end) * uniform.double()).clamp(-limit, limit)


class Truncated(TwoPlayer):
    """Samples from noise without tails: fewer surprises, less variety. The settings are those of both BigGANs."""

    @dataclass(frozen=True)
    class Options(TwoPlayer.Options):
        conditional: bool = True  # give both players the class of each sample
        loss: AdversarialLoss = Hinge()  # adversarial loss
        penalties: tuple[Penalty, ...] = (Orthogonal(weight=1e-4),)  # added to the losses; β, on the generator
        discriminator_steps: int = 2  # the discriminator's steps to one of the generator
        optim: Optim = Adam(lr=5e-5, betas=(0.0, 0.999), eps=1e-6)  # of the generator
        discriminator_optim: OwnOptim = Adam(lr=2e-4, betas=(0.0, 0.999), eps=1e-6)  # of the discriminator

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        self.standing: tuple[object, list[nn.Module]] = (None, [])  # in a list: it is no player

    def truncated(self, n: int, label: Tensor | None, truncation: float) -> Tensor:
        if not 0 < truncation < math.inf:
            raise UsageError(f"truncation is the largest size of a number in z, greater than 0, not {truncation}")
        if self.options.prior != "normal":
            raise UsageError("truncation cuts the tails of a normal z, and this one is uniform; leave truncation out")
        uniform = rng.rand(n, self.options.z_dim, device=self.device)
        z = self.scaled(uniform, truncation) if self.tables else truncated_normal(uniform, truncation).to(self.dtype)
        generator = self.standing_generator(truncation)
        return generator(z) if label is None else generator(z, label)

    def _drawn(self) -> Form | str:
        """With the generator's usual statistics: at each truncation it has others, which a file would have to hold."""
        form = super()._drawn()
        assert isinstance(form, Form)
        return replace(form, facts={"truncation": "none: the statistics of its batch norm are of z with its tails"})

    @property
    def tables(self) -> int:
        """Sets of batch norm's statistics that its generator has, each for one truncation; 0 for none."""
        return getattr(self.options.network, "tables", 0)

    def scaled(self, uniform: Tensor, truncation: float) -> Tensor:
        """z of a truncation as the sets were taken: normal numbers within ±2, times it. UsageError beyond 0 to 1.

        It has another distribution than normal numbers within ±truncation.  uniform [N, z_dim] in [0, 1) → [N, z_dim]
        """
        if truncation > 1:
            raise UsageError(f"truncation is above 0 and at most 1 for this generator, not {truncation}; try 0.5")
        return (truncation * truncated_normal(uniform, 2.0)).to(self.dtype)

    def noise(self, n: int, label: Tensor | None = None) -> Tensor:
        if not self.tables:
            return super().noise(n, label)
        return self.scaled(rng.rand(n, self.options.z_dim, device=self.device), 1.0)

    def latent_parts(self) -> list[dict[str, Any]]:
        if not self.tables:
            return super().latent_parts()
        return [part("z", self.options.z_dim, "normal", within=2.0)]

    def standing_generator(self, truncation: float) -> nn.Module:
        """The generator with batch norm's statistics of samples at this truncation, whose maps vary less than usual.

        They are means over batches of their own, always the same ones, and kept until the weights change.
        """
        key = truncation, self.rounds, id(self.generator)
        if self.standing[0] != key:
            generator = deepcopy(self.generator).eval()
            if self.tables:
                look_up(generator, truncation, getattr(self.options.network, "swapped", False))
                self.standing = key, [generator]
                return generator
            dice = torch.Generator(self.device).manual_seed(0)
            with accumulating(generator):
                for _ in range(BATCHES):
                    shape = SIZE, self.options.z_dim
                    z = truncated_normal(torch.rand(shape, generator=dice, device=self.device), truncation)
                    uniform = torch.rand(SIZE, generator=dice, device=self.device)
                    label = [conditions.pick(self.data, uniform)] if self.condition else []
                    generator(z.to(self.dtype), *label)
            self.standing = key, [generator]
        return self.standing[1][0]
