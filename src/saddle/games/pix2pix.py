"""Pix2Pix. Image-to-Image Translation with Conditional Adversarial Networks. Isola et al., 2017.
https://arxiv.org/abs/1611.07004

A U-Net learns from pairs to draw image b from image a. The discriminator sees a beside the true or the drawn b, and
judges patches of 70 pixels. An L1 loss keeps the drawn image near the true one (Eq. 4). Dropout is the only noise, in
use too. Each image is normalised by its own statistics, which is batch norm in batches of one (Section 3.3). Constants
and layers are those of the authors' code.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from ..base.errors import UsageError
from ..base.formulas import weighed
from ..base.precision import full
from ..base.ranges import Few, FewOrZero, PositiveInt, ShareBelowOne, Weight
from ..context import Context
from ..losses import AdversarialLoss, HalfNonSaturating
from ..nets.parts import MapNorm
from ..nets.patch import patch_discriminator
from ..nets.translator import MULTIPLE, SMALLEST, blocks_of, translator
from ..nets.unet import NOISY, UNet, depth
from ..optim import Adam, Optim
from ..spec import Batch, DataSpec
from ..tasks import Move, Translation
from ._adversarial import PAIRED, Adversarial


class Pix2Pix(Adversarial, Translation):
    in_short = "A U-Net learns from pairs to draw one image from the other."
    group = "paired"
    start_here = True
    needs = ("a", "b")
    paired = True
    batch = 1
    moves_latents = False

    @dataclass(frozen=True)
    class Options(Adversarial.Options, Translation.Options):
        loss: AdversarialLoss = HalfNonSaturating()  # adversarial loss of the logits of patches
        adversarial_weight: Weight = 1.0  # of the generator's adversarial loss; 0 leaves the discriminator out
        l1_weight: Weight = 100.0  # λ: of the mean distance from the wanted image; 0 leaves it out
        generator: Literal["unet", "resnet"] = "unet"  # the U-Net, or CycleGAN's residual translator
        levels: Few | None = None  # halvings of a U-Net; by default until a side has 1 to 7 pixels: 8 of 256
        blocks: Few | None = None  # residual blocks of a resnet; by default 6 up to 128 pixels, else 9
        width: PositiveInt = 64  # channels of the largest maps
        dropout: ShareBelowOne = 0.5  # chance of a unit to be 0 in the first three steps up, or in each residual block
        dropout_in: Literal["first", "inner"] = "first"
        """of a U-Net: the first three steps up; inner, as in their later code: all but the first and last four"""
        norm: MapNorm = "batch-of-one"  # of both players; the paper's is batch norm, and its batches are of one image
        patch_layers: FewOrZero = 3  # 0, 1, 2, 3, 4, 5: patches of 1, 16, 34, 70, 142, 286 pixels
        optim: Optim = Adam(lr=2e-4)  # of all players

        def __post_init__(self) -> None:
            super().__post_init__()
            if not (self.adversarial_weight or self.l1_weight):
                raise UsageError("adversarial_weight or l1_weight is above 0, or else nothing is learned")
            if not self.adversarial_weight and (self.penalties or self.views):
                raise UsageError(
                    "adversarial_weight 0 leaves the discriminator out, and with it penalties and views: leave these "
                    "out too (game.penalties none, game.views none), or choose a weight above 0"
                )

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        o, (height, width) = self.options, self.size("a")
        inputs, outputs = (data.fields[key].planes for key in "ab")
        self.levels = depth(height, width, o.levels) if o.generator == "unet" else None
        if self.levels:
            noisy = range(1, self.levels - 4) if o.dropout_in == "inner" else NOISY
            args = inputs, outputs, self.levels, o.width, o.norm, 1 - o.dropout
            self.generator: nn.Module = UNet(*args, noisy=noisy)
        else:
            blocks = o.blocks or blocks_of(height, width)
            self.generator = translator((inputs, height, width), blocks, o.width, outputs, o.norm, 1 - o.dropout)
        if o.adversarial_weight:
            shown = self.add_duel(DataSpec.of((inputs + outputs, height, width)))
            self.discriminator = patch_discriminator((shown.shape[0], height, width), o.patch_layers, o.width, o.norm)
        self.check_duels()

    def check_data(self) -> None:
        super().check_data()
        self.check_drawn()

    def parts(self) -> tuple[Any, ...]:
        return self.options.loss, *super().parts()

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        o, steps = self.options, self.steps() if self.options.adversarial_weight else 1
        criterion = o.loss.at(self.progress)
        for step in range(steps):
            batch = next(batches)
            a, b = self.planes(batch, "a"), self.planes(batch, "b")
            with torch.set_grad_enabled(step == steps - 1):  # the last one is the generator's too
                fake = full(self.generator(a))
            if o.adversarial_weight:
                context = self.context(a, b, fake.detach())
                loss = criterion.discriminator(context.real_logits, context.fake_logits)
                yield Move("discriminator", adversarial=loss, **self.extras("discriminator", context))
                self.adapt(context.real_logits)

        losses: dict[str, Any] = {"l1": o.l1_weight * l1_loss(fake, b) if o.l1_weight else None}
        if o.adversarial_weight:
            context = self.context(a, b, fake, o.loss.relativistic)  # the same fake, after the judge's step
            loss = criterion.generator(context.real_logits, context.fake_logits)
            losses |= {"adversarial": o.adversarial_weight * loss, **self.extras("generator", context)}
        yield Move("generator", **losses)

    letters: ClassVar[dict[str, str]] = Adversarial.letters | PAIRED

    def formulas(self, player: str) -> dict[str, str]:
        told, o = super().formulas(player), self.options
        if player == "discriminator":
            return told
        adversarial = {"adversarial": (o.adversarial_weight, told.pop("adversarial", "0"))}
        return told | weighed(l1=(o.l1_weight, "|G(a) - b|"), **adversarial)

    def context(self, a: Tensor, b: Tensor, fake: Tensor, compares: bool = True) -> Context:
        """The discriminator's context of true pairs and of pairs with a drawn b; each image batch is [N, C, H, W]."""
        real, drawn = torch.cat((a, b), 1), torch.cat((a, fake), 1)
        return Context.of(self.score, real, drawn, self.score(real) if compares else None, self.score(drawn))

    def score(self, pairs: Tensor) -> Tensor:
        """The logits [N, 1, h, w] of the patches of pairs [N, Cₐ + C_b, H, W] as the views show them."""
        return full(self.discriminator(self.seen(pairs)))

    @property
    def varies(self) -> bool:
        return self.options.dropout > 0

    @property
    def ways(self) -> tuple[tuple[str, str], ...]:
        return (("a", "b"),)

    def network(self, start: str, to: str) -> nn.Module | None:
        alone = not self.levels and self.options.norm == "instance" and not self.varies
        return self.generator if alone else None

    def multiple(self, start: str, to: str) -> int:
        return 2**self.levels if self.levels else MULTIPLE

    def smallest(self, start: str, to: str) -> int:
        return 2**self.levels if self.levels else SMALLEST

    @torch.no_grad()
    def translate(self, batch: Batch, to: str) -> Tensor:
        """Each image alone, so that what dropout draws for the first one is the same whatever comes after it."""
        start, _ = self.way("a", to)
        if torch.compiler.is_exporting():  # a file of layers draws nothing, and its norms are of each image alone
            return self.generator(self.planes(batch, start))
        return torch.cat([self.generator(image) for image in self.planes(batch, start).split(1)])
