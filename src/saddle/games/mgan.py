"""MGAN. Training Generative Adversarial Nets with Multiple Generators. Hoang et al., 2018. https://arxiv.org/abs/1708.02556

A mixture of generators, drawn equally often, which share all layers except the first. A second head on the
discriminator's trunk predicts which generator made a fake. The generators gain when it is right, so that each covers
other modes (Eq. 1, 2). In training, as in the code, every latent goes to all generators. Settings of its CIFAR-10 run.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from ..base import rng
from ..base.errors import UsageError
from ..base.formulas import times
from ..base.precision import full
from ..base.ranges import Few, PositiveInt, Weight
from ..context import Context
from ..losses import AdversarialLoss, NonSaturating
from ..nets import mgan
from ..optim import Adam, Optim, OwnOptim
from ..spec import SAMPLES, Batch, DataSpec
from ..tasks import Move, Prior, Synthesis, part
from ._adversarial import Adversarial


class MGAN(Adversarial, Synthesis):
    in_short = "Several generators share most of their layers, and each covers other modes."
    group = "draw"
    takes = SAMPLES
    companion = "generator"

    @dataclass(frozen=True)
    class Options(Adversarial.Options, Synthesis.Options):
        prior: Prior = "uniform"  # distribution of a number of z: normal, or uniform in [-1, 1]
        generators: Few = 10  # K, of the mixture
        diversity_weight: Weight = 0.01  # β: how much the generators gain from being distinguished
        latents: PositiveInt = 12  # to a batch, of each of which every generator makes a fake
        width: PositiveInt = 128  # channels of the largest map; units of a layer for points
        loss: AdversarialLoss = NonSaturating()  # adversarial loss
        optim: Optim = Adam(lr=2e-4)  # of both players
        discriminator_optim: OwnOptim = None  # where it differs, as in TTUR

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        o = self.options
        self.generator = mgan.generator(o.z_dim, o.generators, data, o.width)
        self.discriminator = mgan.discriminator(o.generators, self.add_duel(data), o.width)
        self.check_duels()

    def latents(self) -> int:
        """How many this process draws for this micro-batch."""
        latents, shares = self.options.latents, rng.shares()
        if latents % shares:
            raise UsageError(
                f"MGAN's {latents} latents do not divide evenly among the {shares} parts of a batch (processes times "
                "micro-batches); choose another --game.latents"
            )
        return latents // shares

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        o, latents, steps = self.options, self.latents(), self.steps()
        origin = torch.arange(o.generators, device=self.device).repeat_interleave(latents)
        for step in range(steps):
            real = next(batches)["image"]
            z = self.noise(latents, origin=origin)
            with torch.set_grad_enabled(step == steps - 1):
                fake = self.generator(z)  # judged twice, as in the code

            real_logits, output = self.score(real), self.discriminate(fake.detach())
            fake_logits, confusion = full(output.logits), cross_entropy(full(output.origin), origin)
            self.note(d_real=o.loss.output(real_logits), d_fake=o.loss.output(fake_logits))
            context = Context.of(
                self.score, real, fake.detach(), real_logits, fake_logits, z=z, generate=self.generator
            )
            yield Move(
                "discriminator",
                adversarial=o.loss.discriminator(real_logits, fake_logits),
                confusion=confusion,
                **self.extras("discriminator", context),
            )
            self.adapt(real_logits)

        output = self.discriminate(fake)
        compared = self.score(real) if o.loss.relativistic else None
        context = Context.of(self.score, real, fake, compared, full(output.logits), z=z, generate=self.generator)
        yield Move(
            "generator",
            adversarial=o.loss.generator(compared, full(output.logits)),
            confusion=o.diversity_weight * cross_entropy(full(output.origin), origin),
            **self.extras("generator", context),
        )

    def formulas(self, player: str) -> dict[str, str]:
        weight = 1.0 if player == "discriminator" else self.options.diversity_weight
        return super().formulas(player) | {
            "confusion": times(weight, "-log p(k | G_k(z)), k the generator that drew it")
        }

    def discriminate(self, x: Tensor) -> mgan.OriginOutput:
        """The discriminator's output for samples x [N, …] as the views show them."""
        return self.discriminator(self.seen(x))

    def score(self, x: Tensor) -> Tensor:
        """Its logits [N] of "real", of samples x [N, …]."""
        return full(self.discriminate(x).logits)

    def latent_parts(self) -> list[dict[str, Any]]:
        return [*super().latent_parts(), part("generator", self.options.generators, "one-hot")]

    def noise(self, n: int, label: Tensor | None = None, origin: Tensor | None = None) -> Tensor:
        """z of the prior [n, z_dim], and a 1 for the generator that it goes to: [N, z_dim + K]; no label [N] is taken.

        `origin` int64 [N] chooses the generators; each block of n gets the same z.
        """
        o = self.options
        z = self.draw_prior(n, o.z_dim)
        if origin is None:
            origin = rng.randint(o.generators, n, device=self.device)
        z = z.repeat(len(origin) // n, 1)
        return torch.cat((z, one_hot(origin, o.generators).to(z)), 1)
