"""The truncation trick of Brock et al. (2019), Section 3.1 and Appendix E, for a generator with batch norm."""

import math
from copy import deepcopy
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.special import ndtr, ndtri

from ..base import rng
from ..base.errors import UsageError
from ..layers.norm import accumulating
from ..losses import AdversarialLoss, Hinge
from ..optim import Adam, Optim, OwnOptim
from ..penalties import Orthogonal, Penalty
from ..spec import DataSpec, conditions
from ..tasks import Form
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
        z = truncated_normal(uniform, truncation).to(self.dtype)
        generator = self.standing_generator(truncation)
        return generator(z) if label is None else generator(z, label)

    def _drawn(self) -> Form | str:
        """With the generator's usual statistics: at each truncation it has others, which a file would have to hold."""
        form = super()._drawn()
        assert isinstance(form, Form)
        return replace(form, facts={"truncation": "none: the statistics of its batch norm are of z with its tails"})

    def standing_generator(self, truncation: float) -> nn.Module:
        """The generator with batch norm's statistics of samples at this truncation, whose maps vary less than usual.

        They are means over batches of their own, always the same ones, and kept until the weights change.
        """
        key = truncation, self.rounds, id(self.generator)
        if self.standing[0] != key:
            generator = deepcopy(self.generator).eval()
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
