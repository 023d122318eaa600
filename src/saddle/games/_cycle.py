"""Two translators between two domains, each the way back of the other. Zhu et al., 2017.

https://arxiv.org/abs/1703.10593
"""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from ..base.errors import UsageError
from ..base.formulas import weighed
from ..base.precision import full
from ..base.ranges import FewOrZero, NonNegativeInt, PositiveInt, Weight
from ..context import Context
from ..layers.pool import ImagePool
from ..losses import AdversarialLoss, HalfLeastSquares
from ..nets.absent import Absent
from ..nets.patch import patch_discriminator
from ..optim import Adam, Linear, Optim
from ..spec import Batch, DataSpec
from ..tasks import Move, Translation
from ._adversarial import OF_DOMAINS, Adversarial, Duel, by_domain


class CycleConsistent(Adversarial, Translation):
    """An image that goes there and back must return unchanged. A game provides the network that translates."""

    needs = ("a", "b")
    batch = 1
    averaged = ("a_to_b", "b_to_a")
    moves_latents = False

    @dataclass(frozen=True)
    class Options(Adversarial.Options, Translation.Options):
        loss: AdversarialLoss = HalfLeastSquares()  # adversarial loss of the logits of patches
        cycle_weight: Weight = 10.0  # λ: there and back again
        identity_weight: Weight = 5.0  # an image that is of the target domain already stays as it is
        pool_size: NonNegativeInt = 50  # fakes remembered for each discriminator; 0 shows it only the newest
        width: PositiveInt = 64  # channels of the largest maps
        patch_layers: FewOrZero = 3  # 0, 1, 2, 3, 4, 5: patches of 1, 16, 34, 70, 142, 286 pixels
        # the paper's 100 epochs at a constant rate and 100 in which it falls to 0; here it falls round by round
        optim: Optim = Adam(lr=2e-4, schedule=Linear(begin=0.5))  # of all players

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        o, (height, width) = self.options, self.size("a")
        a, b = ((data.fields[key].planes, height, width) for key in "ab")
        self.a_to_b, self.b_to_a = self.translator(a, b[0]), self.translator(b, a[0])
        of_a = self.add_duel(DataSpec.of(a), "a", "judge_a", "b_to_a").shape[0]
        of_b = self.add_duel(DataSpec.of(b), "b", "judge_b", "a_to_b").shape[0]
        self.judge_a, self.judge_b = (
            patch_discriminator((channels, height, width), o.patch_layers, o.width) for channels in (of_a, of_b)
        )
        self.pool_a, self.pool_b = (ImagePool(o.pool_size, shape) for shape in (a, b))
        self.check_duels()

    @abstractmethod
    def translator(self, shape: tuple[int, int, int], outputs: int) -> nn.Module:
        """A network from images of this shape (C, H, W) to images in [-1, 1] of so many channels, of the same size."""

    def check_data(self) -> None:
        super().check_data()
        a, b = (self.data.fields[key].planes for key in "ab")
        if a != b and self.options.identity_weight:
            raise UsageError(
                f"the identity loss keeps images of the target domain as they are, and these "
                f"domains have {a} and {b} channels; set game.identity_weight to 0, or bring both to as many channels "
                "with data.channels"
            )

    def parts(self) -> tuple[Any, ...]:
        return self.options.loss, *super().parts()

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        o, batch = self.options, next(batches)
        a, b = self.planes(batch, "a"), self.planes(batch, "b")

        fake_b, fake_a = full(self.a_to_b(a)), full(self.b_to_a(b))
        cycle = l1_loss(full(self.b_to_a(fake_b)), a) + l1_loss(full(self.a_to_b(fake_a)), b)
        yield Move(
            "a_to_b",
            "b_to_a",
            **self.deceive("a", a, fake_a),
            **self.deceive("b", b, fake_b),
            cycle=o.cycle_weight * cycle,
            identity=o.identity_weight * self.change(a, b) if o.identity_weight else None,
        )

        for step in range(self.steps()):
            if step:
                batch = next(batches)
                a, b = self.planes(batch, "a"), self.planes(batch, "b")
                with torch.no_grad():
                    fake_b, fake_a = full(self.a_to_b(a)), full(self.b_to_a(b))
            old_a, old_b = self.pool_a(fake_a), self.pool_b(fake_b)
            of_a, of_b = self.context("a", a, old_a), self.context("b", b, old_b)
            yield Move("judge_a", "judge_b", **self.refuse("a", of_a), **self.refuse("b", of_b))
            self.adapt(of_a.real_logits, 0)
            self.adapt(of_b.real_logits, 1)

    letters: ClassVar[dict[str, str]] = Adversarial.letters | OF_DOMAINS

    def formulas(self, player: str) -> dict[str, str]:
        told = by_domain(super().formulas(player))
        if player.startswith("judge"):
            return told
        return told | weighed(
            cycle=(self.options.cycle_weight, "(|F(G(a)) - a| + |G(F(b)) - b|)"),
            identity=(self.options.identity_weight, "(|F(a) - a| + |G(b) - b|)"),
        )

    def judgement(self, duel: Duel, side: str) -> dict[str, str]:
        pool = self.options.pool_size if side == "discriminator" else 0
        past = f"; half of the fakes are older ones, of the last {pool}" * (pool > 0)
        return {name: formula + past for name, formula in super().judgement(duel, side).items()}

    def context(self, domain: str, real: Tensor, fake: Tensor, compares: bool = True) -> Context:
        """The discriminator's context of a domain: real and fake images, both [N, C, H, W]; of fakes only if not
        `compares`.
        """
        score = partial(self.score, domain)
        if not compares:
            return Context.of(score, real, fake, None, score(fake))
        return Context.of(
            score, real, fake, *self.judged(domain, self.seen_of(domain, real), self.seen_of(domain, fake))
        )

    def score(self, domain: str, x: Tensor) -> Tensor:
        """The logits [N, 1, h, w] of the patches of a domain's images [N, C, H, W] as the views show them."""
        return self.judged(domain, self.seen_of(domain, x))[0]

    def seen_of(self, domain: str, x: Tensor) -> Tensor:
        """A domain's images as its views show them: [N, C, H, W] → same shape."""
        return self.seen(x, "ab".index(domain))

    def judged(self, domain: str, *seen: Tensor) -> tuple[Tensor, ...]:
        """The logits [N, 1, h, w] of each batch of `seen`, of each [N, C, H, W], computed as one batch.

        Instance norms make that the same.
        """
        logits = full((self.judge_a if domain == "a" else self.judge_b)(torch.cat(seen)))
        return logits.split([len(x) for x in seen])

    def deceive(self, domain: str, real: Tensor, fake: Tensor) -> dict[str, Any]:
        """The losses of the generator that drew these fakes of a domain; real and fake are both [N, C, H, W]."""
        context = self.context(domain, real, fake, self.options.loss.relativistic)
        adversarial = self.options.loss.at(self.progress).generator(context.real_logits, context.fake_logits)
        return {f"adversarial_{domain}": adversarial} | self.extras("generator", context, "ab".index(domain))

    def refuse(self, domain: str, context: Context) -> dict[str, Any]:
        """The losses of the discriminator of a domain."""
        adversarial = self.options.loss.at(self.progress).discriminator(context.real_logits, context.fake_logits)
        return {f"adversarial_{domain}": adversarial} | self.extras("discriminator", context, "ab".index(domain))

    def change(self, a: Tensor, b: Tensor) -> Tensor:
        """The mean change, [], of images that are of the target domain already; a and b are both [N, C, H, W]."""
        return l1_loss(full(self.b_to_a(a)), a) + l1_loss(full(self.a_to_b(b)), b)

    @property
    def ways(self) -> tuple[tuple[str, str], ...]:
        """Those whose network is there: a file that was imported may hold one alone."""
        there = {to for to, network in (("a", self.b_to_a), ("b", self.a_to_b)) if not isinstance(network, Absent)}
        return tuple(way for way in super().ways if way[1] in there)

    def way_of(self, start: str | None, to: str) -> nn.Module:
        """The network that translates so, each domain by its key or its title."""
        return self.a_to_b if self.way(start, to)[1] == "b" else self.b_to_a

    @torch.no_grad()
    def translate(self, batch: Batch, to: str) -> Tensor:
        start, to = self.way(None, to)
        return self.way_of(start, to)(self.planes(batch, start))
