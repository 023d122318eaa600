"""CoGAN. Coupled Generative Adversarial Networks. Liu and Tuzel, 2016. https://arxiv.org/abs/1606.07536

Two GANs learn two domains without pairs. They share the weights of the abstract layers: the generators' first ones and
the discriminators' last ones (Eq. 5). One latent then draws the same thing in both domains (`together`). All generators
are one player, and so are all discriminators. Networks and constants are those of the authors' code, whose logits are
of both domains in one batch. With labels of the first domain, its discriminator also learns to classify, and this
carries over to the other domain (Section 4, unsupervised domain adaptation).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, log_softmax

from ..base.errors import UsageError, some
from ..base.formulas import weighed
from ..base.precision import full
from ..base.ranges import EvenInt, PositiveInt, Weight, between
from ..context import Context
from ..losses import AdversarialLoss, NonSaturating
from ..nets.cogan import JUDGES, LAYERS, Discriminators, Generators, Judged
from ..optim import Adam, Optim
from ..spec import Batch, DataSpec
from ..tasks import Classification, Columns, Held, Move, Synthesis
from ._adversarial import Adversarial, Duel
from ._taught import KEY, classes_of

DOMAINS = ("a", "b")


class CoGAN(Adversarial, Synthesis, Classification):
    in_short = "Two GANs share weights, so that one latent draws the same thing in two domains."
    group = "draw"
    needs: tuple[str, ...] = DOMAINS
    classified = ("b", "label_b")  # what the first domain's classes carry over to

    @dataclass(frozen=True)
    class Options(Adversarial.Options, Synthesis.Options):
        loss: AdversarialLoss = NonSaturating()  # adversarial loss, of both domains
        shared: Annotated[int, between(0, LAYERS - 1)] = 4
        """of the generators' five layers so many first ones are common; 0: two GANs that never agree"""
        discriminator_shared: Annotated[int, between(0, JUDGES - 1)] = 3
        """of the discriminators' four layers so many last ones are common"""
        width: PositiveInt = 128  # channels of the generators' largest map
        discriminator_width: EvenInt = 20  # channels of the discriminators' largest map
        class_weight: Weight = 0.0  # of classifying the first domain; 10 in the authors' adaptation
        feature_weight: Weight = 0.0  # of how far features of two images of one latent lie apart; 0.01 with the former
        optim: Optim = Adam(lr=2e-4, weight_decay=5e-4)  # of both players

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        if (options or self.Options()).class_weight:
            self.needs = (*DOMAINS, KEY)
        super().__init__(data, options)
        o, drawn = self.options, {key: data.fields[key].shape for key in DOMAINS}
        classes = len(data.fields[KEY].names) if o.class_weight else 0
        self.generator = Generators(o.z_dim, drawn, o.width, o.shared)  # type: ignore[arg-type]
        judged = {key: self.add_duel(data.only(key), key).shape for key in DOMAINS}
        self.discriminator = Discriminators(judged, o.discriminator_width, o.discriminator_shared, classes)  # type: ignore[arg-type]
        self.check_duels()

    def check_data(self) -> None:
        if self.options.class_weight:
            classes_of(self.data, "CoGAN with a class_weight", "game.class_weight 0")
        super().check_data()
        fields = [self.data.fields[key] for key in DOMAINS]
        domains = [key for key, field in self.data.fields.items() if field.kind == "image"]
        if domains != [*DOMAINS] or fields[0].shape[1:] != fields[1].shape[1:]:
            found = some([f"{key}: {field}" for key, field in self.data.fields.items()])
            raise UsageError(
                f"CoGAN draws images of two domains, a and b, of one size; these data have {found}; choose data of two "
                "domains of images, and give --data.size if their sizes differ"
            )

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        o, criterion = self.options, self.options.loss.at(self.progress)
        for _ in range(self.steps()):
            batch = next(batches)
            with torch.no_grad():
                fake = self.draw(z := self.noise(len(batch["a"])))
            of_real = {key: self.judge(key, batch[key]) for key in DOMAINS}
            of_fake = {key: self.judge(key, fake[key]) for key in DOMAINS}
            real_logits, fake_logits = both(of_real), both(of_fake)
            self.note(d_real=o.loss.output(real_logits), d_fake=o.loss.output(fake_logits))
            apart = (of_fake["a"].features - of_fake["b"].features).square().sum(1).mean()
            yield Move(
                "discriminator",
                adversarial=criterion.discriminator(real_logits, fake_logits),
                classes=o.class_weight * self.naming(of_real["a"], batch) if o.class_weight else None,
                features=o.feature_weight * apart if o.feature_weight else None,
                **self.owed("discriminator", batch, fake, of_real, of_fake, z),
            )
            for duel, key in enumerate(DOMAINS):
                self.adapt(of_real[key].logits, duel)

        fake = self.draw(z := self.noise(len(batch["a"])))
        of_real = {key: self.judge(key, batch[key]) for key in DOMAINS} if o.loss.relativistic else {}
        of_fake = {key: self.judge(key, fake[key]) for key in DOMAINS}
        yield Move(
            "generator",
            adversarial=criterion.generator(both(of_real) if of_real else None, both(of_fake)),
            **self.owed("generator", batch, fake, of_real, of_fake, z),
        )

    def formulas(self, player: str) -> dict[str, str]:
        own = weighed(
            classes=(self.options.class_weight, "-log p(y | x_a)"),
            features=(self.options.feature_weight, "‖f(G_a(z)) - f(G_b(z))‖², f the last layer before the logit"),
        )
        return super().formulas(player) | (own if player == "discriminator" else {})

    def judgement(self, duel: Duel, side: str) -> dict[str, str]:
        return {"adversarial": f"{self.options.loss.formula(side)}; of both domains in one batch"}

    def draw(self, z: Tensor) -> dict[str, Tensor]:
        """The images [N, C, H, W] of z [N, z_dim], by domain."""
        return {key: full(image) for key, image in self.generator(z).items()}

    def judge(self, key: str, x: Tensor) -> Judged:
        """The discriminator's output for images x [N, C, H, W] of a domain as the views show them."""
        return Judged(*map(full, self.discriminator(self.seen(x, DOMAINS.index(key)), key)))

    def naming(self, real: Judged, batch: Batch) -> Tensor:
        """-E log p(y | x) of images of the first domain.  []"""
        return cross_entropy(self.named(real), batch[KEY])

    def named(self, judged: Judged) -> Tensor:
        """Logits of classes, [N, K]. UsageError from a game that learned none."""
        if self.discriminator.classes is None:
            raise UsageError("this game learned no classes; train it with game.class_weight 10")
        return full(self.discriminator.classes(judged.features))

    def owed(
        self,
        player: str,
        batch: Batch,
        fake: dict[str, Tensor],
        of_real: dict[str, Judged],
        of_fake: dict[str, Judged],
        z: Tensor,
    ) -> dict[str, Any]:
        """The player's losses beside the adversarial one, for each domain; z is [N, z_dim]."""
        losses: dict[str, Any] = {}
        for duel, key in enumerate(DOMAINS):
            real_logits = of_real[key].logits if of_real else None
            score, generate = partial(self.score, key), partial(self.drawn, key)
            context = Context.of(score, batch[key], fake[key], real_logits, of_fake[key].logits, z=z, generate=generate)
            losses |= self.extras(player, context, duel)
        return losses

    def score(self, key: str, x: Tensor) -> Tensor:
        """The logits [N] of images x [N, C, H, W] of a domain."""
        return self.judge(key, x).logits

    def drawn(self, key: str, z: Tensor) -> Tensor:
        """The images [N, C, H, W] of z [N, z_dim] in one domain."""
        return self.draw(z)[key]

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The first domain's images; `together` gives those of both."""
        return self.generator(z)["a"]

    def together(self, z: Tensor, label: Tensor | None = None) -> dict[str, Tensor]:
        return self.generator(z)

    @property
    def drawn_keys(self) -> tuple[str, ...]:
        return DOMAINS

    @property
    def classifies(self) -> tuple[str, ...]:
        return self.data.fields[KEY].names if self.options.class_weight else ()

    @torch.no_grad()
    def classify(self, image: Tensor, domain: str = "b") -> Tensor:
        """log p(class | image), [N, K], of images [N, C, H, W] in [-1, 1] of a domain.

        UsageError from a game that learned no classes.
        """
        return log_softmax(self.named(self.discriminator(image, domain)), 1)

    @property
    def headlines(self) -> tuple[str, ...]:
        return ("fid", "swd")  # of data that are judged by translations, which it has none of

    def shown(self, held: Held) -> Columns:
        """Eight latents in both domains, side by side."""
        images = self.together(self.noise(8))
        return [(self.data.fields[key].title or key, images[key]) for key in DOMAINS]


def both(judged: dict[str, Judged]) -> Tensor:
    """The logits of both domains in one batch.  [2 N]"""
    return torch.cat([each.logits for each in judged.values()])
