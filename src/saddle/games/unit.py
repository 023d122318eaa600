"""UNIT. Unsupervised Image-to-Image Translation Networks. Liu, Breuel and Kautz, 2017.
https://arxiv.org/abs/1703.00848

Two VAE-GANs whose encoders share their last layers and whose decoders share their first ones. So two domains without
pairs have one space of codes, and an image is translated by the other domain's decoder (Section 2). Codes are N(E(x),
I), and a translation that is encoded and decoded again must be the image (Eq. 5). Weights, networks and order are those
of the authors' code for that paper (version 2); their later code shares nothing, which is `shared` 0. `unit-adaptation`
is the form without cycles, for two domains of which one has labels.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss, softplus

from ..base import rng
from ..base.errors import UsageError
from ..base.formulas import times
from ..base.precision import full
from ..base.ranges import Few, NonNegativeInt, PositiveInt, Weight
from ..context import Context
from ..losses import AdversarialLoss, NonSaturating
from ..nets.unit import FRONT, MULTIPLE, SMALLEST, Autoencoders, Judges, Judging, code_judge
from ..optim import Adam, Optim
from ..spec import Batch, DataSpec
from ..tasks import Move, Translation
from ._adversarial import OF_DOMAINS, Adversarial, Duel, by_domain


class UNIT(Adversarial, Translation):
    in_short = "Two domains share one space of codes, and the other domain's decoder translates."
    group = "unpaired"
    needs = ("a", "b")
    batch = 1
    averaged = ("autoencoders",)
    moves_latents = False

    @dataclass(frozen=True)
    class Options(Adversarial.Options, Translation.Options):
        loss: AdversarialLoss = NonSaturating()  # adversarial loss of the logits of patches
        adversarial_weight: Weight = 10.0  # λ₀: of all players' adversarial losses
        reconstruction_weight: Weight = 100.0  # λ₂: of the mean distance of an image from its reconstruction
        kl_weight: Weight = 0.1  # λ₁: of the mean square of its code
        cycle_weight: Weight = 100.0  # λ₄: there and back again
        cycle_kl_weight: Weight = 0.1  # λ₃: of the mean square of a translation's code
        domain_weight: Weight = 0.0  # of the loss of codes against a judge that classifies their domain; 0: no judge
        blocks: Few = 4  # residual blocks of each encoder and of each decoder
        shared: NonNegativeInt = 1  # how many of them both domains share; 0: two VAE-GANs, tied by their cycles alone
        normed: bool = False  # is there instance norm outside of residual blocks too?
        width: PositiveInt = 64  # channels of the largest maps
        judge: Judging = "shared"  # two judges that share layers, judges of several scales, or two separate judges
        judge_layers: Few = 6  # halvings of a judge
        optim: Optim = Adam(lr=1e-4, weight_decay=1e-4)  # of all players

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.judge == "shared" and self.judge_layers <= FRONT:
                raise UsageError(
                    f"judge_layers is at least {FRONT + 1} where the judge is shared, not {self.judge_layers}"
                )
            if self.shared > self.blocks:
                raise UsageError(f"of {self.blocks} blocks as many can be shared, not {self.shared}")

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        o, size = self.options, self.size("a")
        planes = data.fields["a"].planes, data.fields["b"].planes
        self.autoencoders = Autoencoders(planes, size, o.width, o.blocks, o.shared, o.normed)
        shown = [
            self.add_duel(DataSpec.of((channels, *size)), key, "judges", "autoencoders").shape[0]
            for key, channels in zip("ab", planes, strict=True)
        ]
        self.judges = Judges((shown[0], shown[1]), o.judge, o.judge_layers, o.width)
        self.patches = self.judges.patches(*size)
        if o.domain_weight:
            self.code_judge = code_judge(self.autoencoders.code_width)
        self.check_duels()

    def parts(self) -> tuple[Any, ...]:
        return self.options.loss, *super().parts()

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        o, loss = self.options, self.options.loss.at(self.progress)
        for _ in range(self.steps()):
            batch = next(batches)
            a, b = self.planes(batch, "a"), self.planes(batch, "b")
            with torch.no_grad():
                mean_a, mean_b = self.mean(a, "a"), self.mean(b, "b")
                fake_a, fake_b = self.drawn(self.noisy(mean_b), "a"), self.drawn(self.noisy(mean_a), "b")
            of_a, of_b = self.context("a", a, fake_a), self.context("b", b, fake_b)
            yield Move(
                *(("judges", "code_judge") if o.domain_weight else ("judges",)),
                **self.pays("discriminator", loss.discriminator, of_a, of_b),
                codes=self.told_apart(mean_a, mean_b) if o.domain_weight else None,
            )
            self.adapt(of_a.real_logits, 0)
            self.adapt(of_b.real_logits, 1)

        mean_a, mean_b = self.mean(a, "a"), self.mean(b, "b")
        code_a, code_b = self.noisy(mean_a), self.noisy(mean_b)
        fake_a, fake_b = self.drawn(code_b, "a"), self.drawn(code_a, "b")
        there_a, there_b = self.mean(fake_b, "b"), self.mean(fake_a, "a")  # on their way back to a and to b
        of_a, of_b = (self.context(*each, o.loss.relativistic) for each in (("a", a, fake_a), ("b", b, fake_b)))
        yield Move(
            "autoencoders",
            **self.pays("generator", loss.generator, of_a, of_b),
            reconstruction=o.reconstruction_weight * self.distance(a, b, code_a, code_b),
            kl=o.kl_weight * (surprise(mean_a) + surprise(mean_b)),
            cycle=o.cycle_weight * self.distance(a, b, self.noisy(there_a), self.noisy(there_b)),
            cycle_kl=o.cycle_kl_weight * (surprise(there_a) + surprise(there_b)),
            codes=o.domain_weight * self.told_apart(mean_b, mean_a) if o.domain_weight else None,
        )

    letters: ClassVar[dict[str, str]] = Adversarial.letters | OF_DOMAINS | {"μ(v)": "the mean of the code of v"}

    def formulas(self, player: str) -> dict[str, str]:
        o, told = self.options, by_domain(super().formulas(player))
        codes = {"autoencoders": "(-log J(μ(b)) - log(1 - J(μ(a))))", "code_judge": "-log J(μ(a)) - log(1 - J(μ(b)))"}
        if o.domain_weight and player in codes:
            told["codes"] = times(o.domain_weight if player == "autoencoders" else 1.0, codes[player])
        if player != "autoencoders":
            return told
        return told | {
            "reconstruction": times(
                o.reconstruction_weight, "(|a' - a| + |b' - b|), a' and b' drawn of their own codes"
            ),
            "kl": times(o.kl_weight, "(μ(a)² + μ(b)²)"),
            "cycle": times(o.cycle_weight, "(|F(G(a)) - a| + |G(F(b)) - b|)"),
            "cycle_kl": times(o.cycle_kl_weight, "(μ(G(a))² + μ(F(b))²)"),
        }

    def judgement(self, duel: Duel, side: str) -> dict[str, str]:
        scales = "; the sum over the sizes" * (len(self.patches) > 1)
        paid = times(self.options.adversarial_weight, self.options.loss.formula(side))
        return {f"adversarial{duel.suffix}": paid + scales}

    def mean(self, x: Tensor, domain: str) -> Tensor:
        """μ of the codes of a domain's images x [N, C, H, W].  [N, 4 width, H / 4, W / 4]"""
        return full(self.autoencoders.encoder(domain)(x))

    def noisy(self, mean: Tensor) -> Tensor:
        """Codes drawn from N(μ, I), μ of any shape → same shape."""
        return mean + rng.randn(*mean.shape, device=mean.device).to(mean)

    def drawn(self, code: Tensor, domain: str) -> Tensor:
        """The images [N, C, H, W] of a domain, drawn from codes [N, 4 width, H / 4, W / 4]."""
        return full(self.autoencoders.decoder(domain)(code))

    def distance(self, a: Tensor, b: Tensor, code_a: Tensor, code_b: Tensor) -> Tensor:
        """The distance [] of a and b [N, C, H, W] from images of code_a and code_b [N, 4 width, H / 4, W / 4].

        It is -log p(x | z) of a Laplacian.
        """
        return l1_loss(self.drawn(code_a, "a"), a) + l1_loss(self.drawn(code_b, "b"), b)

    def told_apart(self, a: Tensor, b: Tensor) -> Tensor:
        """The code judge's loss []: -log of the probability that codes of a come from a, and codes of b from b.

        They are both [N, 4 width, H / 4, W / 4].
        """
        return softplus(-full(self.code_judge(a))).mean() + softplus(full(self.code_judge(b))).mean()

    def context(self, domain: str, real: Tensor, fake: Tensor, compares: bool = True) -> Context:
        """The context of a domain's judge for images and translations, both [N, C, H, W]; of translations only if not
        `compares`.
        """
        score = partial(self.score, domain)
        return Context.of(score, real, fake, score(real) if compares else None, score(fake))

    def score(self, domain: str, x: Tensor) -> Tensor:
        """The logits [N, P] of patches of a domain's images x [N, C, H, W], of all scales, as the views show them."""
        return full(self.judges(self.seen(x, "ab".index(domain)), domain))

    def pays(self, player: str, price: Callable[..., Tensor], *contexts: Context) -> dict[str, Any]:
        """The losses of the judges or, against them, of the autoencoders for each domain, its scales summed."""
        losses: dict[str, Any] = {}
        for duel, (domain, context) in enumerate(zip("ab", contexts, strict=True)):
            fake = context.fake_logits.split(self.patches, 1)
            real = [None] * len(fake) if context.real_logits is None else context.real_logits.split(self.patches, 1)
            adversarial = sum(map(price, real, fake))
            losses |= {f"adversarial_{domain}": self.options.adversarial_weight * adversarial}
            losses |= self.extras(player, context, duel)
        return losses

    def code(self, batch: Batch, domain: str) -> Tensor:
        return self.mean(self.planes(batch, domain), domain).detach()

    def network(self, start: str, to: str) -> nn.Module:
        start, to = self.way(start, to)
        return nn.Sequential(self.autoencoders.encoder(start), self.autoencoders.decoder(to))

    def multiple(self, start: str, to: str) -> int:
        return MULTIPLE

    def smallest(self, start: str, to: str) -> int:
        return SMALLEST

    @torch.no_grad()
    def translate(self, batch: Batch, to: str) -> Tensor:
        start, to = self.way(None, to)
        return self.network(start, to)(self.planes(batch, start))

    @torch.no_grad()
    def reconstruct(self, batch: Batch, domain: str) -> Tensor:
        """A domain's images from their own codes, by its own decoder: [N, K, H, W] in [-1, 1]."""
        return self.drawn(self.code(batch, domain), domain)


def surprise(mean: Tensor) -> Tensor:
    """The KL divergence [] of N(μ, I) from N(0, I), except for a factor: the mean square of μ [N, …]."""
    return mean.square().mean()
