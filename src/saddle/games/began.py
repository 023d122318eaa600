"""BEGAN. Boundary Equilibrium Generative Adversarial Networks. Berthelot et al., 2017. https://arxiv.org/abs/1703.10717

The discriminator is an autoencoder that judges by L(v), the mean absolute error of its reconstruction. A number k holds
the errors of fakes at γ times those of data, by proportional control (Section 3.4), and M_global says how far training
has converged (Section 3.4.1). Settings are those of the code that the community reproduced it with. That code halves
its learning rate at once in every 100,000th round; here it falls as fast, but smoothly.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..base.precision import full
from ..base.ranges import NonNegativeFloat, PositiveInt, Share
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
        width: PositiveInt = 128  # filters of a convolution; the encoder's grow by as many with every halving
        gamma: Share = 0.5  # γ, errors of fakes over those of data: the lower, the sharper and the less diverse
        k_rate: NonNegativeFloat = 0.001  # λ_k, how fast k changes
        optim: Optim = Adam(lr=8e-5, betas=(0.9, 0.999), schedule=Exponential(factor=0.5**1e-5, floor=0.25))  # of both
        discriminator_optim: OwnOptim = None  # where it differs, as in TTUR

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

    letters: ClassVar[dict[str, str]] = Adversarial.letters | {
        "L": "L(v) is the mean of |v - D(v)|, D the discriminator, an autoencoder",
        "k": "a number from 0 to 1 that balances the players",
        "C": "-L, what penalties take for a logit",
    }

    def formulas(self, player: str) -> dict[str, str]:
        own = {"discriminator": {"real": "L(x)", "fake": "-k · L(G(z))"}, "generator": {"adversarial": "L(G(z))"}}
        return own[player] | super().formulas(player)

    def afterwards(self, player: str) -> str | None:
        o = self.options
        rule = f"k ← k + {o.k_rate:g} · ({o.gamma:g} · L(x) - L(G(z))), from 0 to 1; it begins at 0"
        return rule if player == "generator" else None

    def score(self, x: Tensor) -> Tensor:
        """-L(v) [N] of samples x [N, C, H, W], which a penalty takes for their logits."""
        return energy(self.misses(x))

    def misses(self, x: Tensor) -> Tensor:
        """|v - D(v)|, [N, C, H, W], of x [N, C, H, W] as the views show it, v; its mean is L(v).

        The gradient reaches v in both places.
        """
        x = self.seen(x)
        return (full(x) - full(self.discriminator(x))).abs()

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The samples of latents, [N, C, H, W] in [-1, 1]: the network's end is linear, so what lies beyond is cut."""
        return self.generator(z).clamp(-1, 1)


def energy(misses: Tensor) -> Tensor:
    """The logits [N]: minus the mean of each sample's `misses` [N, C, H, W]; high for what looks like data."""
    return -misses.flatten(1).mean(1)
