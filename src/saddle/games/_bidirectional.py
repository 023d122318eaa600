"""Games whose discriminator judges pairs: an image with its code, found by the encoder, against a code with its image.

Donahue et al., 2016, Section 3. https://arxiv.org/abs/1605.09782
"""

import re
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import torch
from torch import Tensor

from ..base.precision import full
from ..context import Context
from ..losses import AdversarialLoss, NonSaturating
from ..nets.bigan import DensePairs
from ..nets.joint import JointNetwork
from ..optim import Adam, Geometric, Optim
from ..spec import Batch, DataSpec
from ..tasks import Move
from ._adversarial import Adversarial, Duel
from ._coded import Coded


class Bidirectional(Adversarial, Coded):
    """Encoder and generator take their steps together, against a discriminator of pairs (x, code).

    Views show it images; a penalty sees pairs as rows, the numbers of an image and after them those of its code.
    """

    companion = "code"
    moves_latents = False

    @dataclass(frozen=True)
    class Options(Adversarial.Options, Coded.Options):
        z_dim: int = 50  # numbers in a latent
        network: JointNetwork = DensePairs()  # the architecture of all three players
        loss: AdversarialLoss = NonSaturating()  # adversarial loss
        optim: Optim = Adam(lr=2e-4, weight_decay=2.5e-5, schedule=Geometric(begin=0.5))  # of all players

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        network = self.options.network
        self.generator = network.generator(self.code_dim, data)
        self.encoder = network.encoder(self.encoder_outputs, data)
        self.discriminator = network.discriminator(self.code_dim, self.add_duel(data, scored=self.pairs))
        self.check_duels()

    @property
    def pairs(self) -> DataSpec:
        """Images and codes in a row."""
        return DataSpec.of((prod(self.data.shape) + self.code_dim,))

    @property
    def encoder_outputs(self) -> int:
        """Numbers in the encoder's output for an image."""
        return self.code_dim

    @abstractmethod
    def infer(self, batch: Batch) -> tuple[Tensor, dict[str, Any]]:
        """The codes [N, code_dim] of a batch's images as the discriminator sees them, and the encoder's own losses."""

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        loss, steps = self.options.loss.at(self.progress), self.steps()
        for step in range(steps):
            batch = next(batches)
            real = batch["image"]
            z = self.noise(len(real))
            with torch.set_grad_enabled(step == steps - 1):
                (code, own), fake = self.infer(batch), self.generator(self.standardised(z))

            context = self.context(real, code.detach(), fake.detach(), z)
            self.note(d_real=loss.output(context.real_logits), d_fake=loss.output(context.fake_logits))
            yield Move(
                "discriminator",
                adversarial=loss.discriminator(context.real_logits, context.fake_logits),
                **self.extras("discriminator", context),
            )
            self.adapt(context.real_logits)

        context = self.context(real, code, fake, z)
        swapped = loss.discriminator(
            context.fake_logits, context.real_logits
        )  # what D would minimise if fakes were real
        yield Move("encoder", "generator", adversarial=swapped, **own, **self.extras("generator", context))

    letters: ClassVar[dict[str, str]] = Adversarial.letters | {
        "x": "an image with its code, [x, E(x)]",
        "G(z)": "a code with its image, [G(z), z]",
    }

    def judgement(self, duel: Duel, side: str) -> dict[str, str]:
        """Encoder and generator minimise what the discriminator would if real and fake changed places."""
        places = {"C(x)": "C(G(z))", "D(x)": "D(G(z))", "E(x)": "E(G(z))"}
        places |= {fake: real for real, fake in places.items()}
        formula = self.options.loss.formula("discriminator")
        if side == "generator":
            formula = re.sub(r"[CDE]\((?:x|G\(z\))\)", lambda match: places[match[0]], formula)
        return {"adversarial": formula}

    def context(self, real: Tensor, code: Tensor, fake: Tensor, z: Tensor) -> Context:
        """The context of two kinds of pairs: real [N, C, H, W] with code [N, K], fake [N, C, H, W] with z [N, K]."""
        logits = self.discriminate(real, code), self.discriminate(fake, z)
        reals, fakes = (torch.cat((full(x).flatten(1), full(c)), 1) for x, c in ((real, code), (fake, z)))
        return Context.of(self.score, reals, fakes, *logits)

    def score(self, pair: Tensor) -> Tensor:
        """The logits [N] of pairs [N, C · H · W + K], image and code in one row."""
        x, code = pair.split((prod(self.data.shape), self.code_dim), 1)
        return self.discriminate(x.unflatten(1, self.data.shape), code)

    def discriminate(self, x: Tensor, code: Tensor) -> Tensor:
        """The logits [N] of pairs (x [N, C, H, W], code [N, K]) as the views show them.

        They are high where the image was first and the code was inferred from it.
        """
        return full(self.discriminator(self.seen(x), self.standardised(code)))
