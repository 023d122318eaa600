"""CycleGAN. Unpaired Image-to-Image Translation. Zhu et al., 2017. https://arxiv.org/abs/1703.10593

Two generators translate between the domains A and B without pairs; an image that goes there and back must return
unchanged (Eq. 2). Discriminators judge patches, with least squares, and see a history of fakes (Section 4).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import l1_loss

from ..base.errors import UsageError, few
from ..base.precision import full
from ..context import Context
from ..layers.pool import ImagePool
from ..losses import AdversarialLoss, HalfLeastSquares
from ..nets.patch import patch_discriminator
from ..nets.shapes import image_shape
from ..nets.translator import translator
from ..optim import Adam, Linear, Optim
from ..spec import Batch, DataSpec
from ..tasks import Move, Translation
from ._adversarial import Adversarial


class CycleGAN(Adversarial, Translation):
    needs = ("a", "b")
    averaged = ("a_to_b", "b_to_a")
    moves_latents = False

    @dataclass(frozen=True)
    class Options(Adversarial.Options, Translation.Options):
        loss: AdversarialLoss = HalfLeastSquares()  # what the players make of the patches' logits
        cycle_weight: float = 10.0  # λ: there and back again
        identity_weight: float = 5.0  # an image that is of the target domain already stays as it is
        pool_size: int = 50  # fakes remembered for each discriminator; 0 shows it only the newest
        blocks: int | None = None  # residual blocks of a generator; by default 6 up to 128 pixels, else 9
        width: int = 64  # channels of the largest maps
        patch_layers: int = 3  # 1, 2, 3, 4: patches of 16, 34, 70, 142 pixels
        optim: Optim = Adam(lr=2e-4, schedule=Linear(begin=0.5))  # of all players

        def __post_init__(self) -> None:
            super().__post_init__()
            few(blocks=self.blocks, patch_layers=self.patch_layers)
            weights = {"cycle_weight": self.cycle_weight, "identity_weight": self.identity_weight}
            for name, value in (weights | {"pool_size": self.pool_size}).items():
                if value < 0:
                    raise UsageError(f"{name} is at least 0, not {value}")
            counts = {"width": self.width, "patch_layers": self.patch_layers}
            for name, value in (counts | ({} if self.blocks is None else {"blocks": self.blocks})).items():
                if value < 1:
                    raise UsageError(f"{name} is at least 1, not {value}")

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        o, shape = self.options, image_shape("CycleGAN", data)
        blocks = o.blocks if o.blocks is not None else 6 if max(shape[1:]) <= 128 else 9
        self.a_to_b, self.b_to_a = (translator(shape, blocks, o.width) for _ in "ab")
        duels = [("a", "judge_a", "b_to_a"), ("b", "judge_b", "a_to_b")]
        shown = [image_shape("CycleGAN", self.add_duel(data, *duel)) for duel in duels]
        self.judge_a, self.judge_b = (patch_discriminator(each, o.patch_layers, o.width) for each in shown)
        self.pool_a, self.pool_b = (ImagePool(o.pool_size, shape) for _ in "ab")
        self.check_duels()

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        o, batch = self.options, next(batches)
        a, b = batch["a"], batch["b"]

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
                a, b = batch["a"], batch["b"]
                with torch.no_grad():
                    fake_b, fake_a = full(self.a_to_b(a)), full(self.b_to_a(b))
            old_a, old_b = self.pool_a(fake_a), self.pool_b(fake_b)
            of_a, of_b = self.context("a", a, old_a), self.context("b", b, old_b)
            yield Move("judge_a", "judge_b", **self.refuse("a", of_a), **self.refuse("b", of_b))
            self.adapt(of_a.real_logits, 0)
            self.adapt(of_b.real_logits, 1)

    def context(self, domain: str, real: Tensor, fake: Tensor, compares: bool = True) -> Context:
        """Images of a domain and fakes of it as its discriminator sees them; real ones only if somebody `compares`."""
        score = partial(self.score, domain)
        return Context.of(score, real, fake, score(real) if compares else None, score(fake))

    def score(self, domain: str, x: Tensor) -> Tensor:
        """The logits [N, 1, h, w] of a domain's patches as the views show them."""
        return full((self.judge_a if domain == "a" else self.judge_b)(self.seen(x, "ab".index(domain))))

    def deceive(self, domain: str, real: Tensor, fake: Tensor) -> dict[str, Any]:
        """What the generator of a domain's fakes pays."""
        context = self.context(domain, real, fake, self.options.loss.relativistic)
        adversarial = self.options.loss.generator(context.real_logits, context.fake_logits)
        return {f"adversarial_{domain}": adversarial} | self.extras("generator", context, "ab".index(domain))

    def refuse(self, domain: str, context: Context) -> dict[str, Any]:
        """What the discriminator of a domain pays."""
        adversarial = self.options.loss.discriminator(context.real_logits, context.fake_logits)
        return {f"adversarial_{domain}": adversarial} | self.extras("discriminator", context, "ab".index(domain))

    def change(self, a: Tensor, b: Tensor) -> Tensor:
        """How much images change that are of the target domain already."""
        return l1_loss(full(self.b_to_a(a)), a) + l1_loss(full(self.a_to_b(b)), b)

    @torch.no_grad()
    def translate(self, batch: Batch, to: str) -> Tensor:
        return self.a_to_b(batch["a"]) if to == "b" else self.b_to_a(batch["b"])
