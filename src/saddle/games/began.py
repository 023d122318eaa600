"""BEGAN. Boundary Equilibrium Generative Adversarial Networks. Berthelot et al., 2017. https://arxiv.org/abs/1703.10717

The discriminator is an autoencoder and L(v), the mean absolute error of a reconstruction, what it judges by. A number k
holds the errors of fakes to γ times those of data, by proportional control (Section 3.4), and M_global says how far
training has converged (Section 3.4.1). Settings of the code that the community reproduced it with; its learning rate,
which that code halves at once in every 100,000th round, falls by as much smoothly.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..base.errors import UsageError
from ..base.precision import full
from ..context import Context
from ..layers.whole import WholeMean
from ..nets import began
from ..optim import Adam, Exponential, Optim, OwnOptim
from ..spec import Batch, DataSpec
from ..tasks import Move, Prior, Synthesis
from ._adversarial import Adversarial


class BEGAN(Adversarial, Synthesis):
    in_short = "The discriminator is an autoencoder, and a controller keeps the two players in balance."
    group = "draw"
    criterion = None  # what it judges by is an error
    k: Tensor

    @dataclass(frozen=True)
    class Options(Adversarial.Options, Synthesis.Options):
        z_dim: int = 64  # numbers in a latent, and in the autoencoder's code
        prior: Prior = "uniform"  # distribution of a number of z: normal, or uniform in [-1, 1]
        width: int = 128  # filters of a convolution; the encoder's grow by as many with every halving
        gamma: float = 0.5  # γ, errors of fakes over those of data: the lower, the sharper and the less diverse
        k_rate: float = 0.001  # λ_k, how fast k answers
        optim: Optim = Adam(lr=8e-5, betas=(0.9, 0.999), schedule=Exponential(factor=0.5**1e-5, floor=0.25))  # of both
        discriminator_optim: OwnOptim = None  # where it differs, as in TTUR

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.width < 1 or not 0 <= self.gamma <= 1 or self.k_rate < 0:
                raise UsageError(
                    "width is at least 1, gamma between 0 and 1 and k_rate at least 0, "
                    f"not {self.width}, {self.gamma} and {self.k_rate}"
                )

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        o = self.options
        self.generator = began.decoder(o.z_dim, data, o.width)
        self.discriminator = began.Autoencoder(o.z_dim, self.add_duel(data), o.width)
        self.register_buffer("k", torch.tensor(0.0))
        self.balance = WholeMean()
        self.check_duels()

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        o, k = self.options, self.k.clone()
        self.balance.reset()

        for _ in range(self.steps()):
            real = next(batches)["image"]
            z = self.noise(len(real))
            with torch.no_grad():
                fake = self.generator(z)
            of_real, of_fake = self.misses(real), self.misses(fake)
            real_loss = of_real.mean()
            context = Context.of(self.score, real, fake, energy(of_real), energy(of_fake), z=z, generate=self.generator)
            owed = self.extras("discriminator", context)
            yield Move("discriminator", real=real_loss, fake=-k * of_fake.mean(), **owed)
            self.adapt(energy(of_real))

        z = self.noise(len(real))
        fake = self.generator(z)
        of_fake = self.misses(fake)
        fake_loss = of_fake.mean()
        context = Context.of(self.score, real, fake, None, energy(of_fake), z=z, generate=self.generator)
        owed = self.extras("generator", context)
        yield Move("generator", adversarial=fake_loss, **owed)

        balance = o.gamma * real_loss.detach() - fake_loss.detach()
        self.k.copy_((k + o.k_rate * self.balance.add(balance)).clamp(0, 1))
        self.note(k=self.k, convergence=real_loss + balance.abs())  # M_global

    def score(self, x: Tensor) -> Tensor:
        """-L(v) of each sample, which a penalty takes for its logit.  [N]"""
        return energy(self.misses(x))

    def misses(self, x: Tensor) -> Tensor:
        """|v - D(v)| of what the views show of samples, whose mean is L(v).  [N, C, H, W]

        Its gradient reaches v on both ways.
        """
        x = self.seen(x)
        return (full(x) - full(self.discriminator(x))).abs()

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The samples of latents, [N, C, H, W] in [-1, 1]: the network's end is linear, so what lies beyond is cut."""
        return self.generator(z).clamp(-1, 1)


def energy(misses: Tensor) -> Tensor:
    """What was missed of each sample, the other way round: high for what looks like data.  [N]"""
    return -misses.flatten(1).mean(1)
