"""SGAN. Semi-Supervised Learning with Generative Adversarial Networks. Odena, 2016. https://arxiv.org/abs/1606.01583

The discriminator is a classifier with one more class, "fake", so that images without a label teach it too. It has the
form of Salimans et al., 2016, Section 5 (https://arxiv.org/abs/1606.03498): the fake class's logit is fixed at 0. So
with logits l of the classes, D(x) = Z / (Z + 1), Z = Σ exp l. L_D is -log p(y | x, real) of the labelled images, and -½
log D(x) - ½ log(1 - D(G(z))) of all. The generator matches the mean features. Settings of the CIFAR-10 code.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, log_softmax

from ..auxiliaries import FeatureMatching
from ..base import dist
from ..base.errors import UsageError
from ..base.formulas import times
from ..base.precision import full
from ..base.ranges import Weight
from ..context import Context, Output
from ..losses import AdversarialLoss, NonSaturating
from ..nets.conditional import ClassDiscriminator, ClassOutput, features_shape
from ..nets.improved import Improved
from ..nets.network import Network
from ..optim import Adam, Linear, Optim
from ..spec import Batch, DataSpec
from ..tasks import Classification, Move, Prior, Synthesis
from ._adversarial import Adversarial, Duel
from ._unit_noise import UnitNoise

MATCHING = FeatureMatching(absolute=True)  # as in the code


class SGAN(UnitNoise, Adversarial, Classification):
    in_short = "A classifier learns from few images with a label and many without one."
    group = "classify"
    start_here = True
    needs = ("image", "label")
    averaged = ("generator", "discriminator")
    takes_unlabelled = True
    baseline = {"supervised": True}  # noqa: RUF012
    companion = "label"

    @dataclass(frozen=True)
    class Options(Adversarial.Options, Synthesis.Options):
        prior: Prior = "uniform"  # distribution of a number of z: uniform in [0, 1), or normal
        network: Network = Improved()  # the architecture of both players
        loss: AdversarialLoss = NonSaturating()  # adversarial loss of the logits of "real"
        adversarial_weight: Weight = 0.5  # factor on the discriminator's; the code halves it
        feature_matching: bool = True  # the generator matches mean features; if false, it deceives
        supervised: bool = False  # leave out fakes and unlabelled images: the baseline, a classifier by itself
        optim: Optim = Adam(lr=3e-4, schedule=Linear(begin=2 / 3))  # of both players

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.network.gives_energies:
                raise UsageError(f"{type(self.network).__name__} gives energies, and sgan's discriminator classifies")

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        o, plain = self.options, data.unconditional()
        self.generator = o.network.generator(o.z_dim, plain)
        viewed = self.add_duel(plain)
        discriminator = o.network.discriminator(viewed)
        head = o.network.class_head(prod(features_shape(discriminator, viewed)), len(data.classes))
        self.discriminator = ClassDiscriminator(discriminator.trunk, nn.Sequential(nn.Flatten(), head))
        self.check_duels()

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        o = self.options
        for _ in range(self.steps()):
            batch = next(batches)
            real = batch["image"]
            of_real = self.discriminate(real)
            classes = self.class_loss(of_real.classes, batch["label"])
            if o.supervised:
                yield Move("discriminator", classes=classes)
                continue
            z = self.noise(len(real))
            with torch.no_grad():
                fake = self.generator(z)
            of_fake = self.discriminate(fake)
            self.note(d_real=o.loss.output(of_real.logits), d_fake=o.loss.output(of_fake.logits))
            adversarial = o.adversarial_weight * o.loss.discriminator(of_real.logits, of_fake.logits)
            owed = self.extras("discriminator", self.context(real, fake, of_real, of_fake, z))
            yield Move("discriminator", classes=classes, adversarial=adversarial, **owed)
            self.adapt(of_real.logits)
        if o.supervised:
            return

        z = self.noise(len(real))
        fake = self.generator(z)
        with torch.no_grad():
            of_real = self.discriminate(real)
        context = self.context(real, fake, of_real, self.discriminate(fake), z)
        if o.feature_matching:
            matching = MATCHING.measure(context)
            yield Move("generator", feature_matching=matching, **self.extras("generator", context))
        else:
            adversarial = o.loss.generator(context.real_logits, context.fake_logits)
            yield Move("generator", adversarial=adversarial, **self.extras("generator", context))

    letters: ClassVar[dict[str, str]] = Adversarial.letters | {
        "l": "the discriminator's logits of the classes",
        "D": "σ(C), C = log Σ e^l",
    }

    def formulas(self, player: str) -> dict[str, str]:
        told = super().formulas(player)
        named = {"classes": "-log p(y | x), p = softmax(l), of the labelled samples"}
        if self.options.supervised:
            return named if player == "discriminator" else {}
        return named | told if player == "discriminator" else told

    def judgement(self, duel: Duel, side: str) -> dict[str, str]:
        o = self.options
        if side == "discriminator":
            return {"adversarial": times(o.adversarial_weight, o.loss.formula(side))}
        if o.feature_matching:
            return {"feature_matching": MATCHING.formula(side)}
        return {"adversarial": o.loss.formula(side)}

    def discriminate(self, x: Tensor) -> ClassOutput:
        """The discriminator's output for images x [N, C, H, W] as the views show them."""
        return in_full(self.discriminator(self.seen(x)))

    def context(self, real: Tensor, fake: Tensor, of_real: ClassOutput, of_fake: ClassOutput, z: Tensor) -> Context:
        """The context of real and fake images, both [N, C, H, W], with their outputs, and of z [N, z_dim]."""
        outputs = Output(*of_real[:2]), Output(*of_fake[:2])
        return Context(lambda x: self.discriminate(x).logits, real, fake, *outputs, z=z, generate=self.generator)

    def class_loss(self, classes: Tensor, label: Tensor) -> Tensor:
        """-E log p(y | x, real) of logits [N, K] over the batch's known labels [N] (-1: unknown); 0 if none is known.

        The mean is over those of all processes; every micro-batch is one of its own.

        Returns [].
        """
        labelled = dist.mean((label >= 0).sum().to(classes)).clamp(min=1 / dist.world())
        return cross_entropy(classes, label, ignore_index=-1, reduction="sum") / labelled

    def classify(self, image: Tensor) -> Tensor:
        return log_softmax(in_full(self.discriminator(image)).classes, 1)


def in_full(output: ClassOutput) -> ClassOutput:
    """Logits in fp32, whatever the precision of the networks."""
    return output._replace(logits=full(output.logits), classes=full(output.classes))
