"""VAEGAN. Autoencoding beyond pixels using a learned similarity metric. Larsen et al., 2015.
https://arxiv.org/abs/1512.09300

A variational autoencoder whose reconstructions are compared in the features of a discriminator's layer l, not in
pixels. -log p(x | z) is that of a normal distribution around Dis_l(x̃) (Eq. 7, 8). Each of three losses reaches its own
players (Algorithm 1). The encoder gets that of the prior and that of the layer. The decoder gets γ times the layer's
and the discriminator's, which judges images, reconstructions and samples (Eq. 9). The discriminator gets its own alone.
As in the authors' code, a side that is far ahead, by the last losses of images and samples, does not move in a round.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import softplus

from ..base.errors import UsageError
from ..base.formulas import times
from ..base.precision import full
from ..base.ranges import EvenInt, NonNegativeFloat, PositiveFloat, Weight
from ..context import Context, Output
from ..layers.likelihood import Gaussian
from ..layers.whole import WholeMean
from ..losses import NonSaturating
from ..nets import vaegan
from ..optim import Optim, OwnOptim, RMSprop
from ..spec import Batch, DataSpec
from ..tasks import Move
from ._adversarial import Adversarial, Duel
from ._autoencoder import divergence, reparametrise
from ._coded import Coded


class VAEGAN(Adversarial, Coded):
    in_short = "A VAE compares images in the features of a discriminator, not in pixels."
    group = "encode"
    start_here = True
    companion = "image to be reconstructed"
    criterion = NonSaturating()

    @dataclass(frozen=True)
    class Options(Adversarial.Options, Coded.Options):
        z_dim: int = 128  # numbers in a latent
        width: EvenInt = 64  # channels of the encoder's largest map
        reconstruction_weight: Weight = 1e-6  # γ: weight of the layer's likelihood in the decoder's loss
        optim: Optim = RMSprop(lr=3e-4)  # of all players
        discriminator_optim: OwnOptim = None  # where it differs
        equilibrium: PositiveFloat = 0.68
        """the discriminator's losses of images and of samples, in nats, where neither side is ahead"""
        margin: NonNegativeFloat | None = 0.35
        """if they are so far below, the discriminator skips its step; if above, the generator does"""

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.prior != "normal":
                raise UsageError(f"codes are held to a normal distribution; leave prior normal, not {self.prior}")

    options: Options
    costs: Tensor

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        o = self.options
        self.encoder = vaegan.Encoder(o.z_dim, data, o.width)
        self.generator = vaegan.decoder(o.z_dim, data, o.width)
        self.discriminator = vaegan.Discriminator(self.add_duel(data), o.width)
        self.register_buffer("costs", torch.full((2,), o.equilibrium))  # of images and of samples, in the last round
        self.cost = WholeMean()
        self.check_duels()

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        real, (generator_steps, discriminator_steps) = next(batches)["image"], self.in_balance()
        self.cost.reset()
        output = self.discriminate(real)
        seen = full(self.likeness(real, output)).detach()

        mean, log_var = map(full, self.encoder(real))
        z, _ = reparametrise(mean, log_var)
        again = self.discriminator(self.generator(z)).features  # layers are compared without the views
        yield Move("encoder", prior=divergence(mean, log_var).mean(), reconstruction=self.surprise(seen, again))

        again, sample = self.generator(z.detach()), self.generator(prior := self.noise(len(real)))
        judged = [self.discriminate(x) for x in (again, sample)]
        if generator_steps:
            likeness = self.likeness(again, judged[0])
            context = self.context(real, None, sample, full(judged[1].logits), prior)
            yield Move(
                "generator",
                reconstruction=self.options.reconstruction_weight * self.surprise(seen, likeness),
                adversarial=torch.stack([softplus(-full(each.logits)).mean() for each in judged]).sum(),
                **self.extras("generator", context),
            )

        for step in range(self.steps() if discriminator_steps else 1):
            if step:
                real = next(batches)["image"]
                prior, output = self.noise(len(real)), self.discriminate(real)
                with torch.no_grad():
                    again = self.generator(reparametrise(*map(full, self.encoder(real)))[0])
                    sample = self.generator(prior)
            real_logits = full(output.logits)
            logits = [self.score(x.detach()) for x in (again, sample)]
            self.note(d_real=real_logits.sigmoid(), d_again=logits[0].sigmoid(), d_fake=logits[1].sigmoid())
            of_real, of_again, of_sample = (softplus(x).mean() for x in (-real_logits, *logits))
            if discriminator_steps:
                context = self.context(real, real_logits, sample.detach(), logits[1], prior)
                owed = self.extras("discriminator", context)
                yield Move("discriminator", adversarial=of_real + of_again + of_sample, **owed)
                self.adapt(real_logits)
        self.costs.copy_(self.cost.add(torch.stack((of_real, of_sample)).detach()))

    letters: ClassVar[dict[str, str]] = Adversarial.letters | {
        "x'": "the reconstruction of x",
        "f": "the layer of the discriminator in which images are compared",
    }

    def formulas(self, player: str) -> dict[str, str]:
        miss, told = "‖f(x) - f(x')‖² / 2, and a constant", super().formulas(player)
        if player == "encoder":
            return {"prior": "KL(q(z | x) ‖ N(0, 1)), q the encoder's distribution of codes", "reconstruction": miss}
        if player == "generator":
            return told | {"reconstruction": times(self.options.reconstruction_weight, miss)}
        return told

    def judgement(self, duel: Duel, side: str) -> dict[str, str]:
        of = {
            "discriminator": "-log D(x) - log(1 - D(x')) - log(1 - D(G(z)))",
            "generator": "-log D(x') - log D(G(z))",
        }
        return {"adversarial": of[side]}

    def afterwards(self, player: str) -> str | None:
        o = self.options
        if player != "discriminator" or o.margin is None:
            return None
        low, high = o.equilibrium - o.margin, o.equilibrium + o.margin
        return (
            f"it rests in a round after one with a term below {low:g}, and the generator after one with a term above "
            f"{high:g}; both step after one with both"
        )

    def discriminate(self, x: Tensor) -> Output:
        """The discriminator's output for images x [N, C, H, W] as the views show them."""
        return self.discriminator(self.seen(x))

    def score(self, x: Tensor) -> Tensor:
        """Its logits [N] of images x [N, C, H, W]."""
        return full(self.discriminate(x).logits)

    def context(self, real: Tensor, real_logits: Tensor | None, fake: Tensor, logits: Tensor, z: Tensor) -> Context:
        """The context of real images, if they were judged, and samples, both [N, C, H, W]; penalties leave out
        reconstructions.

        Both have logits [N]; z is [N, z_dim].
        """
        return Context.of(self.score, real, fake, real_logits, logits, z=z, generate=self.generator)

    def likeness(self, x: Tensor, output: Output) -> Tensor:
        """Dis_l(x) [N, …] of images x [N, C, H, W] themselves: views would change them and their reconstructions
        differently.
        """
        return self.discriminator(x).features if self.options.views else output.features

    def in_balance(self) -> tuple[bool, bool]:
        """Whether generator and discriminator take a step, by the costs of the last round; at least one does."""
        if self.options.margin is None:
            return True, True
        low, high = (self.options.equilibrium + sign * self.options.margin for sign in (-1, 1))
        behind, ahead = bool((self.costs > high).any()), bool((self.costs < low).any())
        return (True, True) if behind and ahead else (not behind, not ahead)

    def surprise(self, real: Tensor, again: Tensor) -> Tensor:
        """-log N(Dis_l(x) | Dis_l(x̃), I) in nats, [], of features real and again, both [N, …].

        It is summed over the layer: half the squared distance, and a constant.
        """
        return -Gaussian().log_prob(real, full(again)).mean()

    @torch.no_grad()
    def encode(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """The mean of q(z | x).  [N, z_dim]"""
        return full(self.encoder(image)[0])
