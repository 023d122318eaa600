"""StarGAN. Unified Generative Adversarial Networks for Multi-Domain Image-to-Image Translation. Choi et al., 2018.
https://arxiv.org/abs/1711.09020

One generator changes an image to the labels that it is given, and one critic predicts the labels of an image (Eq. 2,
3). An image that is changed to new labels and back to its old ones must return unchanged (Eq. 4). The critic's loss is
Wasserstein's, with the penalty of each sample's gradient (Eq. 8).

Several collections of images, each labelled in its own way, are `label_sets`. The generator is given the labels of one
set, and a mask that says which set; of the critic's predictions only the known labels count (Section 3.3). Images of
all sets share a batch, where the paper's take turns. No network mixes the images of a batch, so the step goes down the
mean of both. An image without labels only teaches what is real.

New labels are drawn from the training data. The code shuffles those of a batch, which is the same distribution. The
code's penalty differentiates the sum of the critic's map, and its decay hardly lowers the rate. Here it is the mean of
the map, as in the loss, and the rate falls to 0, as the paper says.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from ..base import rng
from ..base.errors import UsageError
from ..base.formulas import times
from ..base.precision import full
from ..base.ranges import Few, FewOrZero, PositiveInt, Weight
from ..context import Context, Output
from ..layers.resize import resized
from ..losses import AdversarialLoss, Wasserstein
from ..nets.stargan import (
    MULTIPLE,
    SMALLEST,
    LabelledTranslator,
    NamingCritic,
    Verdict,
    check_translated,
    halvings_of,
)
from ..optim import Adam, Linear, Optim
from ..penalties import GradientPenalty, Penalty
from ..spec import Batch, Condition, DataSpec, conditions
from ..tasks import Classification, Columns, Held, Move, Translation
from ._adversarial import Adversarial
from ._attributes import Attributes


class StarGAN(Adversarial, Translation, Classification):
    in_short = "One generator changes any of the labels that an image shows."
    group = "unpaired"
    needs = ("image", "label")
    takes = ("image",)
    takes_conditions = ("class", "labels")
    takes_unlabelled = True
    batch = 16
    moves_latents = False
    companion = "label"

    @dataclass(frozen=True)
    class Options(Adversarial.Options, Translation.Options):
        loss: AdversarialLoss = Wasserstein()  # adversarial loss of the logits of patches
        class_weight: Weight = 1.0  # λ_cls: of the labels, in both players' losses
        reconstruction_weight: Weight = 10.0  # λ_rec: there and back again
        label_sets: str = ""  # labels known together, one set for each collection: "red,blue;thin,bold"; "" for one
        blocks: FewOrZero = 6  # residual blocks of the generator
        width: PositiveInt = 64  # channels of the largest maps
        halvings: Few | None = None  # of the critic; by default 6, but down to 2 pixels at least: 5 for images of 64
        penalties: tuple[Penalty, ...] = (GradientPenalty(weight=10.0),)  # λ_gp, on the critic
        discriminator_steps: int = 5  # n_critic: the critic's steps to one of the generator
        # the paper's rate is constant for 10 epochs and falls to 0 in 10 more; here it falls round by round
        optim: Optim = Adam(lr=1e-4, schedule=Linear(begin=0.5))  # of both players

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        o, (channels, height, width) = self.options, data.shape
        assert data.condition
        self.attributes = Attributes.of(data.condition, o.label_sets)
        check_translated(height, width)
        halvings = halvings_of(height, width, o.halvings)
        self.generator = LabelledTranslator(channels, self.attributes.size, o.blocks, o.width)
        shown = self.add_duel(data.only("image")).shape[0]
        self.discriminator = NamingCritic((shown, height, width), len(data.condition.names), halvings, o.width)
        self.check_duels()

    def check_data(self) -> None:
        super().check_data()
        if self.data.partial and not self.data.classes and not self.options.label_sets:
            raise UsageError(
                "some labels of these data are not known: say with game.label_sets which labels an image knows "
                "together, such as red,blue;thin,bold; one set of all is for images that know either all or none"
            )

    def parts(self) -> tuple[Any, ...]:
        return self.options.loss, *super().parts()

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        o, steps, criterion = self.options, self.steps(), self.options.loss.at(self.progress)
        tell = self.attributes.vector
        for step in range(steps):
            batch = next(batches)
            real, own = batch["image"], self.attributes.columns(batch["label"])
            part, new = self.set_of(own), self.draw(len(real))  # the new labels are of the set that the image knows
            with torch.set_grad_enabled(step == steps - 1):  # the last one is the generator's too
                fake = full(self.generator(real, tell(new, part)))
            of_real, of_fake = self.judge(real), self.judge(fake.detach())
            adversarial = criterion.discriminator(of_real.logits, of_fake.logits)
            owed = self.extras("discriminator", self.context(real, fake.detach(), of_real, of_fake))
            self.note(distance=of_real.logits.mean() - of_fake.logits.mean())
            classes = o.class_weight * self.class_loss(of_real, own, part)
            yield Move("discriminator", adversarial=adversarial, classes=classes, **owed)
            self.adapt(of_real.logits)

        of_fake = self.judge(fake)  # the same fake, after the critic's step
        context = self.context(real, fake, self.judge(real) if o.loss.relativistic else None, of_fake)
        returned = full(self.generator(fake, tell(own, part)))
        known = self.attributes.known(own).gather(1, part[:, None])[:, 0]
        change = torch.where(known, (returned - real).abs().flatten(1).mean(1), 0.0)
        yield Move(
            "generator",
            adversarial=criterion.generator(context.real_logits, context.fake_logits),
            classes=o.class_weight * self.class_loss(of_fake, new, part),
            reconstruction=o.reconstruction_weight * change.mean(),
            **self.extras("generator", context),
        )

    letters: ClassVar[dict[str, str]] = Adversarial.letters | {
        "x": "an image with the labels c",
        "G(z)": "G(x, c'), its translation to labels c'",
    }

    def formulas(self, player: str) -> dict[str, str]:
        o, told = self.options, super().formulas(player)
        if player == "discriminator":
            return told | {"classes": times(o.class_weight, "-log p(c | x)")}
        return told | {
            "classes": times(o.class_weight, "-log p(c' | G(x, c'))"),
            "reconstruction": times(o.reconstruction_weight, "|G(G(x, c'), c) - x|"),
        }

    def set_of(self, own: Tensor) -> Tensor:
        """For each image one set of labels that it knows, drawn at random: int64 [N], of columns [N, K]."""
        known = self.attributes.known(own)
        return (rng.rand(*known.shape, device=known.device) + known).argmax(1)

    def draw(self, n: int) -> Tensor:
        """Labels by the distribution of the training data, [N, K]."""
        return self.attributes.columns(conditions.pick(self.data, rng.rand(n, device=self.device)))

    def judge(self, x: Tensor) -> Verdict:
        """The critic's output for images x [N, C, H, W] as the views show them."""
        logits, classes = self.discriminator(self.seen(x))
        return Verdict(full(logits), full(classes))

    def context(self, real: Tensor, fake: Tensor, of_real: Verdict | None, of_fake: Verdict) -> Context:
        """The context of real and fake images, both [N, C, H, W], with their outputs."""
        return Context(lambda x: self.judge(x).logits, real, fake, of_real and Output(*of_real), Output(*of_fake))

    def class_loss(self, verdict: Verdict, columns: Tensor, part: Tensor) -> Tensor:
        """-E log p [] of the labels [N, K] of each image's part [N], as far as they are known."""
        return self.attributes.losses(verdict.classes, columns).gather(1, part[:, None]).mean()

    # In use.

    @property
    def domains(self) -> tuple[str, ...]:
        return ("image",)

    @property
    def ways(self) -> tuple[tuple[str, str], ...]:
        return (("image", "image"),)

    @property
    def asked(self) -> Condition | None:
        return self.data.condition

    @property
    def classifies(self) -> tuple[str, ...]:
        return self.attributes.condition.names

    @property
    def exclusive(self) -> bool:
        return bool(self.data.classes)

    @property
    def early_scores(self) -> tuple[str, ...] | None:
        return None

    def multiple(self, start: str, to: str) -> int:
        return MULTIPLE

    def smallest(self, start: str, to: str) -> int:
        return SMALLEST

    def classify(self, image: Tensor) -> Tensor:
        return self.attributes.log_likely(full(self.discriminator(image).classes))  # without the views

    @torch.no_grad()
    def translate(self, batch: Batch, to: str) -> Tensor:
        """Labels that are not asked for keep the values that the critic reads in the image.

        The generator takes one set of labels at a time: of several sets that are asked for, each takes a translation
        of its own.
        """
        x = self.planes(batch, self.way(None, to)[0])
        nothing = torch.full((x.shape[0], len(self.classifies)), torch.nan, device=x.device)
        asked = self.attributes.columns(batch["label"].to(x.device)) if "label" in batch else nothing
        wanted = self.attributes.filled(asked, self.classify(resized(x, self.size("image"))))
        goes = torch.stack([~asked[:, places].isnan().all(1) for places in self.attributes.parts], 1)
        goes[:, 0] |= ~goes.any(1)
        for part, some in enumerate(goes.unbind(1)):
            if torch.compiler.is_exporting() or some.any():
                told = self.attributes.vector(wanted, torch.full((x.shape[0],), part, device=x.device))
                x = torch.where(some[:, None, None, None], self.generator(x, told), x)
        return x

    def shown(self, held: Held) -> Columns:
        """Eight held-out images, and beside them the game's results for them for every label."""
        image, names = held(8)["image"], self.classifies
        columns = {"image": image}
        for place, name in enumerate(names):
            label = torch.full((len(image), len(names)), torch.nan, device=image.device)
            label[:, place] = 1.0
            columns[name] = self.translate({"image": image, "label": label}, "image")
        return columns
