"""SimGAN. Learning from Simulated and Unsupervised Images through Adversarial Training. Shrivastava et al., 2017.
https://arxiv.org/abs/1612.07828

A refiner R makes images of a simulator look real. What is known of them, such as where an eye looks, then teaches a
network that is used on real images. The discriminator judges every patch by itself (Section 2.2). The distance from the
given image keeps what it shows (Eq. 4), and half of the fakes that the discriminator sees are of an earlier R (Section
2.3). Layers, rate and batch are the paper's for eyes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from ..base.errors import UsageError
from ..base.formulas import weighed
from ..base.precision import full
from ..base.ranges import Few, NonNegativeInt, PositiveInt, Share, Weight, at_least
from ..context import Context
from ..layers.history import History
from ..losses import AdversarialLoss, NonSaturating
from ..nets import simgan
from ..optim import SGD, Optim
from ..spec import Batch, DataSpec
from ..tasks import Move, Translation
from ._adversarial import Adversarial, Duel


class SimGAN(Adversarial, Translation):
    in_short = "A refiner makes simulated images look real and keeps what is known of them."
    group = "unpaired"
    needs = ("a", "b")
    batch = 512
    averaged = ("refiner",)
    moves_latents = False

    @dataclass(frozen=True)
    class Options(Adversarial.Options, Translation.Options):
        loss: AdversarialLoss = NonSaturating()  # of a patch; an image's is the sum over its patches, as in the paper
        # Where this is a mean the paper has a sum: a λ of it is 1,925 times as large here, for 35×55 pixels. It names
        # none; the 0.5 of a public port is this one
        self_weight: Weight = 962.5  # λ: of the mean |ψ(R(x)) - ψ(x)|, which keeps R near its input; 0: no such loss
        compared: Literal["pixels", "mean-colour"] = "pixels"  # ψ: all pixels of an image, or the mean of its channels
        history: NonNegativeInt = 25_600
        """refined images remembered, 50 batches as in that port; 0 shows none but the newest"""
        refiner_steps: PositiveInt = 2
        """K_g: the refiner's in a round, in the paper's first version; in the printed one 50"""
        refiner_pretraining: Share = 0.1  # share of the run in which R learns to change nothing: 1,000 of 10,000 rounds
        discriminator_pretraining: Share = 0.02  # share of the run, after it, in which D alone learns: 200 of them
        networks: simgan.Form = "eye"  # of the paper's two: for eyes of 35×55, or for hands of 224×224
        blocks: Few | None = None  # residual blocks of R; by default 4 for eyes, 10 for hands
        width: Annotated[int, at_least(2)] = 64
        """channels of R's maps; D's have half as many to one and a half times as many"""
        optim: Optim = SGD(lr=1e-3)  # of both players

        def __post_init__(self) -> None:
            super().__post_init__()
            if not self.refiner_pretraining + self.discriminator_pretraining < 1:
                raise UsageError(
                    "refiner_pretraining and discriminator_pretraining are shares of the run and together less than 1, "
                    f"not {self.refiner_pretraining} and {self.discriminator_pretraining}: the game comes after them"
                )

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        o, (height, width) = self.options, self.size("b")
        given, real = (data.fields[key].planes for key in "ab")
        self.refiner = simgan.refiner(given, real, o.networks, o.blocks, o.width)
        shown = self.add_duel(DataSpec.of((real, height, width)), generator="refiner")
        self.discriminator = simgan.discriminator(shown.shape[0], o.networks, o.width)
        self.history = History(o.history, (real, height, width))
        self.check_duels()

    def check_data(self) -> None:
        super().check_data()
        self.check_drawn("a")
        self.check_drawn("b")
        given, real = (self.data.fields[key].planes for key in "ab")
        if given != real and self.options.self_weight and self.options.compared == "pixels":
            raise UsageError(
                f"SimGAN keeps a refined image near the given one, and these data have {given} and {real} channels; "
                "bring both to as many with data.channels, or compare their mean with game.compared mean-colour"
            )

    def check_batch(self, n: int) -> None:
        super().check_batch(n)
        if n % 2 and self.options.history:
            raise UsageError(
                f"SimGAN's history gives half of what the discriminator sees, and {n} images at a time cannot be "
                "halved; choose another --plan.batch, or leave the history out with game.history 0"
            )

    def parts(self) -> tuple[Any, ...]:
        return self.options.loss, *super().parts()

    @property
    def ways(self) -> tuple[tuple[str, str], ...]:
        return (("a", "b"),)

    def has_staged(self, progress: float) -> bool:
        return any(0 < stage <= progress for stage in self.stages)

    @property
    def stages(self) -> tuple[float, float]:
        """At which progress of the run the discriminator begins to learn (at once if λ is 0), and the game begins."""
        o = self.options
        first = o.refiner_pretraining if o.self_weight else 0.0
        return first, first + o.discriminator_pretraining

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        o, (judging, playing) = self.options, self.stages
        if self.progress < judging:
            a = self.planes(next(batches), "a")
            yield Move("refiner", self_regularisation=self.change(a, full(self.refiner(a))))
            return

        for _ in range(o.refiner_steps if self.progress >= playing else 0):
            batch = next(batches)
            a, b = self.planes(batch, "a"), self.planes(batch, "b")
            refined = full(self.refiner(a))
            context = self.context(b, refined, o.loss.relativistic)
            loss = o.loss.at(self.progress).generator(context.real_logits, context.fake_logits)
            yield Move(
                "refiner",
                adversarial=patches(context) * loss,
                self_regularisation=self.change(a, refined) if o.self_weight else None,
                **self.extras("generator", context),
            )

        for _ in range(self.steps()):
            batch = next(batches)
            a, b = self.planes(batch, "a"), self.planes(batch, "b")
            with torch.no_grad():
                new = full(self.refiner(self.history.halved(a)))
            context = self.context(b, self.history.mixed(new))
            self.note(d_real=context.real_logits.sigmoid(), d_fake=context.fake_logits.sigmoid())
            loss = o.loss.at(self.progress).discriminator(context.real_logits, context.fake_logits)
            yield Move("discriminator", adversarial=patches(context) * loss, **self.extras("discriminator", context))
            self.adapt(context.real_logits)
            self.history.renew(new, len(a))

    letters: ClassVar[dict[str, str]] = Adversarial.letters | {
        "x": "a patch of a real image",
        "G(z)": "a patch of a refined one",
        "R(s)": "the refined image s of the simulator",
        "ψ": "what is compared of an image: its pixels, or its mean colour",
    }

    def formulas(self, player: str) -> dict[str, str]:
        own = weighed(self_regularisation=(self.options.self_weight, "|ψ(R(s)) - ψ(s)|"))
        return super().formulas(player) | (own if player == "refiner" else {})

    def judgement(self, duel: Duel, side: str) -> dict[str, str]:
        past = "; half of the fakes are of earlier R" * (side == "discriminator" and self.options.history > 0)
        return {"adversarial": f"{self.options.loss.formula(side)}; the sum over the patches of an image{past}"}

    def context(self, real: Tensor, fake: Tensor, compares: bool = True) -> Context:
        """The discriminator's context of real and refined images, both [N, C, H, W]; of refined ones only if not
        `compares`.
        """
        return Context.of(self.score, real, fake, self.score(real) if compares else None, self.score(fake))

    def score(self, x: Tensor) -> Tensor:
        """The logit [N, h, w] of "real" of the patches of images x [N, C, H, W] as the views show them.

        Of two logits it is the margin.
        """
        logits = full(self.discriminator(self.seen(x)))
        return logits[:, simgan.REAL] - logits[:, simgan.REFINED]  # its σ is the softmax's share

    def change(self, a: Tensor, refined: Tensor) -> Tensor:
        """λ times the mean |ψ(R(x)) - ψ(x)|, [], of images a and refined ones, both [N, C, H, W]."""
        if self.options.compared == "mean-colour":
            a, refined = a.mean(1), refined.mean(1)
        return self.options.self_weight * l1_loss(refined, a)

    @property
    def scores(self) -> tuple[str, ...]:
        return (*super().scores, "refined_accuracy", "refined_error", "labels_kept")

    def network(self, start: str, to: str) -> nn.Module:
        return self.refiner

    @torch.no_grad()
    def translate(self, batch: Batch, to: str) -> Tensor:
        start, _ = self.way("a", to)
        return self.refiner(self.planes(batch, start))


def patches(context: Context) -> int:
    """How many patches of an image are judged."""
    assert context.fake_logits is not None
    return context.fake_logits[0].numel()
