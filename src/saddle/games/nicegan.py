"""NICE-GAN. Reusing Discriminators for Encoding: Towards Unsupervised Image-to-Image Translation. Chen et al., 2020.
https://arxiv.org/abs/2003.00273

There is no separate encoder: the first layers of a domain's discriminator encode its images. They learn in the
discriminators' moves and do not change in the generators' moves, whose gradient flows through them (decoupled training,
Section 3.3). An image that is translated there and back, or is only encoded and drawn again, must return unchanged. Two
heads and a logit of the attention judge with least squares. Layers and constants are those of the authors' code.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import l1_loss

from ..base.errors import UsageError
from ..base.formulas import times, weighed
from ..base.precision import full
from ..base.ranges import PositiveInt, Weight
from ..context import Context
from ..losses import AdversarialLoss, LeastSquares
from ..nets.nicegan import FULL, MULTIPLE, SMALLEST, Discriminator, Generator
from ..optim import Adam, Linear, Optim
from ..spec import Batch, DataSpec
from ..tasks import Move, Translation
from ._adversarial import OF_DOMAINS, Adversarial, Duel, by_domain

OTHER = {"a": "b", "b": "a"}
Heads = tuple[Tensor, ...]


class NICEGAN(Adversarial, Translation):
    in_short = "The first layers of each domain's discriminator are also its encoder."
    group = "unpaired"
    needs = ("a", "b")
    batch = 1
    averaged = ("a_to_b", "b_to_a", "judge_a", "judge_b")  # the judges encode
    moves_latents = False
    companion = "code"

    @dataclass(frozen=True)
    class Options(Adversarial.Options, Translation.Options):
        loss: AdversarialLoss = LeastSquares()  # adversarial loss of a head, halved
        adversarial_weight: Weight = 2.0  # of each head: 1 of the paper's squares, which are not halved
        cycle_weight: Weight = 10.0  # there and back again
        reconstruction_weight: Weight = 10.0  # encoded, and drawn again in its own domain
        light: bool | None = None  # by means of channels, for any size; default except for 256 × 256, the paper's
        width: PositiveInt = 64  # channels of the largest maps
        optim: Optim = Adam(lr=1e-4, weight_decay=1e-4, schedule=Linear(begin=0.5))  # of all players

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        o, size = self.options, self.size("a")
        self.light = size != (FULL, FULL) if o.light is None else o.light
        a, b = ((data.fields[key].planes, *size) for key in "ab")
        self.a_to_b, self.b_to_a = (Generator(shape, o.width, self.light) for shape in (b, a))
        for key, shape in (("a", a), ("b", b)):
            self.add_duel(DataSpec.of(shape), key, f"judge_{key}", f"{OTHER[key]}_to_{key}")
        self.judge_a, self.judge_b = (Discriminator(shape, o.width) for shape in (a, b))
        self.check_duels()

    def parts(self) -> tuple[Any, ...]:
        return self.options.loss, *super().parts()

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        for _ in range(self.steps()):
            batch = next(batches)
            real = {key: self.planes(batch, key) for key in "ab"}
            with torch.no_grad():
                code = {key: self.encode(key, real[key]) for key in "ab"}
                fake = {key: self.draw(key, code[OTHER[key]]) for key in "ab"}
            heads = {key: (self.heads(key, real[key]), self.heads(key, fake[key])) for key in "ab"}
            owed = {key: self.refuse(key, real[key], fake[key], *heads[key]) for key in "ab"}
            yield Move("judge_a", "judge_b", **owed["a"], **owed["b"])  # their encoders learn here
            for duel, key in enumerate("ab"):
                self.adapt(summary(heads[key][0]), duel)

        with torch.no_grad():  # nothing here is a generator's
            code = {key: self.encode(key, real[key]) for key in "ab"}
        fake = {key: self.draw(key, code[OTHER[key]]) for key in "ab"}
        back = {key: self.draw(key, self.encode(OTHER[key], fake[OTHER[key]])) for key in "ab"}
        again = {key: self.draw(key, code[key]) for key in "ab"}
        o = self.options
        yield Move(
            "a_to_b",
            "b_to_a",
            **self.deceive("a", real["a"], fake["a"]),
            **self.deceive("b", real["b"], fake["b"]),
            cycle=o.cycle_weight * distance(back, real) if o.cycle_weight else None,
            reconstruction=o.reconstruction_weight * distance(again, real) if o.reconstruction_weight else None,
        )

    letters: ClassVar[dict[str, str]] = Adversarial.letters | OF_DOMAINS

    def formulas(self, player: str) -> dict[str, str]:
        told = by_domain(super().formulas(player))
        if player.startswith("judge"):
            return told
        return told | weighed(
            cycle=(self.options.cycle_weight, "(|F(G(a)) - a| + |G(F(b)) - b|)"),
            reconstruction=(
                self.options.reconstruction_weight,
                "(|F(E(a)) - a| + |G(E(b)) - b|), E the judges' encoders",
            ),
        )

    def judgement(self, duel: Duel, side: str) -> dict[str, str]:
        each = times(self.options.adversarial_weight, self.options.loss.formula(side))
        return {f"adversarial{duel.suffix}": f"{each}; the sum over three heads"}

    def encode(self, domain: str, x: Tensor) -> Tensor:
        """z [N, 2 · width, H / 4, W / 4] of images x [N, C, H, W] of a domain, from its discriminator."""
        return (self.judge_a if domain == "a" else self.judge_b).encode(x)

    def draw(self, domain: str, code: Tensor) -> Tensor:
        """Images [N, C, H, W] of a domain from codes [N, 2 · width, H / 4, W / 4] of either domain."""
        return full((self.b_to_a if domain == "a" else self.a_to_b)(code))

    def heads(self, domain: str, x: Tensor) -> Heads:
        """Logits of the three heads of a domain's discriminator, of images x [N, C, H, W] as the views show them."""
        judge = self.judge_a if domain == "a" else self.judge_b
        return tuple(full(head) for head in judge(self.seen(x, "ab".index(domain))).heads)

    def refuse(self, domain: str, real: Tensor, fake: Tensor, of_real: Heads, of_fake: Heads) -> dict[str, Any]:
        """The losses of a domain's discriminator; real and fake images are both [N, C, H, W]."""
        loss = self.options.loss.at(self.progress)
        total = torch.stack([loss.discriminator(*each) for each in zip(of_real, of_fake, strict=True)]).sum()
        owed = self.extras("discriminator", self.context(domain, real, fake, of_real, of_fake), "ab".index(domain))
        return {f"adversarial_{domain}": self.options.adversarial_weight * total} | owed

    def deceive(self, domain: str, real: Tensor, fake: Tensor) -> dict[str, Any]:
        """The losses of the generator of a domain's fakes; real and fake images are both [N, C, H, W]."""
        loss, of_fake = self.options.loss.at(self.progress), self.heads(domain, fake)
        of_real = self.heads(domain, real) if loss.relativistic else None
        pairs = zip(of_real or [None] * len(of_fake), of_fake, strict=True)
        total = torch.stack([loss.generator(*each) for each in pairs]).sum()
        owed = self.extras("generator", self.context(domain, real, fake, of_real, of_fake), "ab".index(domain))
        return {f"adversarial_{domain}": self.options.adversarial_weight * total} | owed

    def context(self, domain: str, real: Tensor, fake: Tensor, of_real: Heads | None, of_fake: Heads) -> Context:
        """For penalties: each head's mean logit over the patches of an image; real and fake are both [N, C, H, W]."""
        score = partial(self.score, domain)
        return Context.of(score, real, fake, summary(of_real) if of_real else None, summary(of_fake))

    def score(self, domain: str, x: Tensor) -> Tensor:
        """The mean logits [N, 3] of the heads of a domain's discriminator, of images x [N, C, H, W]."""
        return summary(self.heads(domain, x))

    @property
    def sized(self) -> bool:
        """A full generator reads all of a map, and takes maps of the training's size alone; a light one takes any."""
        return not self.light

    def multiple(self, start: str, to: str) -> int:
        return MULTIPLE

    def smallest(self, start: str, to: str) -> int:
        return SMALLEST

    @torch.no_grad()
    def code(self, batch: Batch, domain: str) -> Tensor:
        """z, [N, 2 · width, H / 4, W / 4]."""
        return self.encode(domain, self.planes(batch, domain))

    @torch.no_grad()
    def translate(self, batch: Batch, to: str) -> Tensor:
        start, to = self.way(OTHER.get(to), to)
        x = self.planes(batch, start)
        if self.sized and x.shape[2:] != self.size(start):
            raise UsageError(
                "the full form of NICE-GAN reads all of a map at once and translates images of the training's size "
                f"alone, {self.size(start)}, not {tuple(x.shape[2:])}; train with game.light true for other sizes"
            )
        return self.draw(to, self.encode(start, x))


def distance(made: dict[str, Tensor], real: dict[str, Tensor]) -> Tensor:
    """The mean absolute distance, summed over the domains.  []"""
    return l1_loss(made["a"], real["a"]) + l1_loss(made["b"], real["b"])


def summary(heads: Heads) -> Tensor:
    """Each head's mean over its patches.  [N, 3]"""
    return torch.stack([head.flatten(1).mean(1) for head in heads], 1)
