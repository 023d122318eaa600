"""CycleGAN. Unpaired Image-to-Image Translation. Zhu et al., 2017. https://arxiv.org/abs/1703.10593

Two generators translate between the domains A and B without pairs; an image that goes there and back must return
unchanged (Eq. 2). Discriminators judge patches, with least squares, and see a history of fakes (Section 4).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from ..base.errors import UsageError
from ..base.precision import full
from ..layers.pool import ImagePool
from ..losses import AdversarialLoss, HalfLeastSquares
from ..nets.patch import patch_discriminator
from ..nets.shapes import image_shape
from ..nets.translator import translator
from ..optim import Adam, Linear, Optim
from ..spec import Batch, DataSpec
from ..tasks import Move, Translation


class CycleGAN(Translation):
    needs = ("a", "b")
    averaged = ("a_to_b", "b_to_a")

    @dataclass(frozen=True)
    class Options(Translation.Options):
        loss: AdversarialLoss = HalfLeastSquares()  # what the players make of the patches' logits
        cycle_weight: float = 10.0  # λ: there and back again
        identity_weight: float = 5.0  # an image that is of the target domain already stays as it is
        pool_size: int = 50  # fakes remembered for each discriminator; 0 shows it only the newest
        blocks: int | None = None  # residual blocks of a generator; by default 6 up to 128 pixels, else 9
        width: int = 64  # channels of the largest maps
        patch_layers: int = 3  # 1, 2, 3, 4: patches of 16, 34, 70, 142 pixels
        optim: Optim = Adam(lr=2e-4, schedule=Linear(begin=0.5))  # of all players

        def __post_init__(self) -> None:
            weights = {"cycle_weight": self.cycle_weight, "identity_weight": self.identity_weight}
            counts = {"blocks": self.blocks or 0, "pool_size": self.pool_size}
            for name, value in (weights | counts).items():
                if value < 0:
                    raise UsageError(f"{name} is at least 0, not {value}")
            if self.width < 1 or self.patch_layers < 1:
                raise UsageError(f"width and patch_layers are at least 1, not {self.width} and {self.patch_layers}")

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        o, shape = self.options, image_shape("CycleGAN", data)
        blocks = o.blocks if o.blocks is not None else 6 if max(shape[1:]) <= 128 else 9
        self.a_to_b, self.b_to_a = (translator(shape, blocks, o.width) for _ in "ab")
        self.judge_a, self.judge_b = (patch_discriminator(shape, o.patch_layers, o.width) for _ in "ab")
        self.pool_a, self.pool_b = (ImagePool(o.pool_size, shape) for _ in "ab")

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        o, batch = self.options, next(batches)
        a, b = batch["a"], batch["b"]

        fake_b, fake_a = full(self.a_to_b(a)), full(self.b_to_a(b))
        cycle = l1_loss(full(self.b_to_a(fake_b)), a) + l1_loss(full(self.a_to_b(fake_a)), b)
        yield Move(
            "a_to_b",
            "b_to_a",
            adversarial_a=self.deceive(self.judge_a, a, fake_a),
            adversarial_b=self.deceive(self.judge_b, b, fake_b),
            cycle=o.cycle_weight * cycle,
            identity=o.identity_weight * self.change(a, b) if o.identity_weight else None,
        )

        old_a, old_b = self.pool_a(fake_a), self.pool_b(fake_b)
        yield Move(
            "judge_a",
            "judge_b",
            adversarial_a=o.loss.discriminator(full(self.judge_a(a)), full(self.judge_a(old_a))),
            adversarial_b=o.loss.discriminator(full(self.judge_b(b)), full(self.judge_b(old_b))),
        )

    def deceive(self, judge: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        real_logits = full(judge(real)) if self.options.loss.relativistic else None
        return self.options.loss.generator(real_logits, full(judge(fake)))

    def change(self, a: Tensor, b: Tensor) -> Tensor:
        """How much images change that are of the target domain already."""
        return l1_loss(full(self.b_to_a(a)), a) + l1_loss(full(self.a_to_b(b)), b)

    @torch.no_grad()
    def translate(self, batch: Batch, to: str) -> Tensor:
        return self.a_to_b(batch["a"]) if to == "b" else self.b_to_a(batch["b"])
