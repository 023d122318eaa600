"""UNIT-Adaptation. Unsupervised Image-to-Image Translation Networks. Liu, Breuel and Kautz, 2017.
https://arxiv.org/abs/1703.00848

UNIT for two domains of digits of which the first has labels (Section 3, domain adaptation). The coupled judges also
learn to classify the first domain, and this carries over to the second one (`classify`). There are no cycles. Codes
have a learned deviation, networks are given the position of each pixel, and reconstructions are judged as translations
are. The features of an image and of its translation must agree. Weights, networks and order are those of the authors'
code (version 2), whose figure for house numbers is of this form and not of the one with cycles.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, log_softmax

from ..base import rng
from ..base.formulas import times
from ..base.precision import full
from ..base.ranges import PositiveInt, Weight
from ..context import Context
from ..losses import AdversarialLoss, NonSaturating
from ..nets.unit_adaptation import Codes, CoupledAutoencoders, CoupledJudges, check_size
from ..optim import Adam, Optim
from ..spec import Batch, DataSpec
from ..tasks import Classification, Move, Translation
from ._adversarial import Adversarial, Duel
from ._taught import KEY, check_classes

DOMAINS = ("a", "b")


class UNITAdaptation(Adversarial, Translation, Classification):
    in_short = "A classifier for one domain learns from the labels of another."
    group = "classify"
    needs = (*DOMAINS, KEY)
    classified = ("b", "label_b")  # what the first domain's classes carry over to
    batch = 64
    averaged = ("autoencoders",)
    moves_latents = False
    companion = "label"

    @dataclass(frozen=True)
    class Options(Adversarial.Options, Translation.Options):
        loss: AdversarialLoss = NonSaturating()  # adversarial loss
        adversarial_weight: Weight = 1.0  # of both players' adversarial losses
        reconstruction_weight: Weight = 1e-3  # of the squared distance of an image from its reconstruction, summed
        kl_weight: Weight = 2e-4  # of a code's μ² + σ² - log σ², summed
        class_weight: Weight = 10.0  # of classifying the first domain
        feature_weight: Weight = 1e-4  # of the judges' features: squared distance of translations and their images
        inverted: bool = True  # are half of the second domain's images shown inverted?
        width: PositiveInt = 96  # channels of the autoencoders' largest maps
        judge_width: PositiveInt = 64  # channels of the judges' largest maps
        optim: Optim = Adam(lr=2e-4, weight_decay=5e-4)  # of both players

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        o, size = self.options, self.size("a")
        a, b = (data.fields[key].planes for key in DOMAINS)
        self.autoencoders = CoupledAutoencoders((a, b), o.width)
        shown = [
            self.add_duel(DataSpec.of((channels, *size)), key, "judges", "autoencoders").shape[0]
            for key, channels in zip(DOMAINS, (a, b), strict=True)
        ]
        self.judges = CoupledJudges((shown[0], shown[1]), len(data.fields[KEY].names), o.judge_width)
        self.check_duels()

    def check_data(self) -> None:
        check_classes(self.data, "UNIT for adaptation", "unit, which needs no labels")
        super().check_data()
        check_size(*self.size("a"))

    @property
    def domains(self) -> tuple[str, ...]:
        return DOMAINS

    def parts(self) -> tuple[Any, ...]:
        return self.options.loss, *super().parts()

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        o, loss = self.options, self.options.loss.at(self.progress)
        for _ in range(self.steps()):
            batch = next(batches)
            images = {"a": self.planes(batch, "a"), "b": self.dealt(self.planes(batch, "b"))}
            with torch.no_grad():
                again, moved, _ = self.drawn(images)
            real, of_again, of_moved = self.logits(images), self.logits(again), self.logits(moved)
            named = cross_entropy(full(self.judges.classify(self.seen(images["a"]), "a")), batch[KEY])
            yield Move(
                "judges",
                adversarial=o.adversarial_weight * loss.discriminator(both(real, real), both(of_again, of_moved)),
                classes=o.class_weight * named,
                features=o.feature_weight * self.unlike(again, moved),
                **self.owed("discriminator", images, moved, real, of_moved),
            )
            for duel, domain in enumerate(DOMAINS):
                self.adapt(real[domain], duel)

        again, moved, codes = self.drawn(images)
        real = self.logits(images) if o.loss.relativistic else {}
        of_again, of_moved = self.logits(again), self.logits(moved)
        distance = squares(again["a"] - images["a"]) + squares(again["b"] - images["b"])
        price = 2 * loss.generator(both(real, real) if real else None, both(of_again, of_moved))  # that of each, summed
        yield Move(
            "autoencoders",
            adversarial=o.adversarial_weight * price,
            reconstruction=o.reconstruction_weight * distance,
            kl=o.kl_weight * surprise(codes),
            **self.owed("generator", images, moved, real, of_moved),
        )

    letters: ClassVar[dict[str, str]] = Adversarial.letters | {
        "x": "an image of either domain",
        "G(z)": "a reconstruction, or a translation",
        "f": "what the judges' last layer sees",
    }

    def formulas(self, player: str) -> dict[str, str]:
        o, told = self.options, super().formulas(player)
        if player == "judges":
            apart = "‖f(G(z)) - f(x')‖², G(z) a translation, x' the reconstruction of the same code"
            named = {"classes": times(o.class_weight, "-log p(y | a), a an image of the first domain")}
            return told | named | {"features": times(o.feature_weight, apart)}
        return told | {
            "reconstruction": times(o.reconstruction_weight, "‖x' - x‖², x' drawn of the code of x; summed over both"),
            "kl": times(o.kl_weight, "(μ² + σ² - log σ²), of the codes"),
        }

    def judgement(self, duel: Duel, side: str) -> dict[str, str]:
        twice = 2 if side == "generator" else 1
        return {"adversarial": times(twice * self.options.adversarial_weight, self.options.loss.formula(side))}

    def dealt(self, b: Tensor) -> Tensor:
        """The second domain's images b [N, C, H, W] as they are learned → same shape: half inverted, if asked for."""
        if not self.options.inverted:
            return b
        return torch.where((rng.rand(len(b), device=b.device) < 0.5)[:, None, None, None], -b, b)

    def drawn(self, images: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor], Codes]:
        """Reconstructions and translations, by the domain in which they are drawn, and the codes of both domains.

        Each image batch is [N, C, 32, 32].
        """
        codes = Codes(*map(full, self.autoencoders.codes(**images)))
        shape = len(images["a"]), *codes.mean.shape[1:]  # each domain's noise by itself, as its images are drawn
        noise = torch.cat([rng.randn(*shape, device=codes.mean.device) for _ in DOMAINS])
        z = codes.mean + codes.std * noise.to(codes.mean)
        in_a, in_b = (full(x).chunk(2) for x in self.autoencoders.draw(z))
        return {"a": in_a[0], "b": in_b[1]}, {"a": in_a[1], "b": in_b[0]}, codes

    def logits(self, images: dict[str, Tensor]) -> dict[str, Tensor]:
        return {domain: self.score(domain, x) for domain, x in images.items()}

    def score(self, domain: str, x: Tensor) -> Tensor:
        """The logits [N] of images x [N, C, H, W] of a domain as the views show them."""
        return full(self.judges(self.seen(x, DOMAINS.index(domain)), domain))

    def unlike(self, again: dict[str, Tensor], moved: dict[str, Tensor]) -> Tensor:
        """The distance [] of the features of translations from those of their images' reconstructions."""
        see = self.judges.features
        pairs = ((see(moved[to], to), see(again[start], start)) for start, to in (("a", "b"), ("b", "a")))
        return sum((squares(full(one) - full(other)) for one, other in pairs), again["a"].new_zeros(()))

    def owed(
        self,
        player: str,
        images: dict[str, Tensor],
        moved: dict[str, Tensor],
        real: dict[str, Tensor],
        fake: dict[str, Tensor],
    ) -> dict[str, Any]:
        """The penalties on a player, for each domain: they do not look at reconstructions."""
        losses: dict[str, Any] = {}
        for duel, key in enumerate(DOMAINS):
            score = partial(self.score, key)
            context = Context.of(score, images[key], moved[key], real.get(key), fake[key])
            losses |= self.extras(player, context, duel)
        return losses

    def code(self, batch: Batch, domain: str) -> Tensor:
        return full(self.autoencoders.codes(**{domain: self.planes(batch, domain)}).mean).detach()

    @property
    def sized(self) -> bool:
        return True

    @torch.no_grad()
    def translate(self, batch: Batch, to: str) -> Tensor:
        start, to = self.way(None, to)
        return self.autoencoders.draw(self.code(batch, start))[DOMAINS.index(to)]

    @property
    def classifies(self) -> tuple[str, ...]:
        return self.data.fields[KEY].names

    @torch.no_grad()
    def classify(self, image: Tensor, domain: str = "b") -> Tensor:
        """log p(class | image), [N, K], of images [N, C, 32, 32] in [-1, 1] of a domain."""
        return log_softmax(full(self.judges.classify(image, domain)), 1)


def both(*logits: dict[str, Tensor]) -> Tensor:
    """Logits of both domains, one after the other.  [K N]"""
    return torch.cat([each for some in logits for each in some.values()])


def squares(x: Tensor) -> Tensor:
    """The sum of the squares of a sample x [N, …], in the mean.  []"""
    return x.square().flatten(1).sum(1).mean()


def surprise(codes: Codes) -> Tensor:
    """μ² + σ² - log σ² of a code, summed, in the mean, []: twice its KL divergence from N(0, I), and a constant."""
    mean, std = codes
    return (mean.square() + std.square() - 2 * std.log()).flatten(1).sum(1).mean()
