"""PAN. Perceptual Adversarial Networks for Image-to-Image Transformation. Wang, Xu, Wang and Tao, 2017.
https://arxiv.org/abs/1706.09138

Hidden maps of the discriminator, not pixels, measure the distance of a translated image from the true one. The
translator T minimises this distance. The discriminator maximises it as long as it is below a margin. Layers and
constants are those of a well-known implementation, which leaves the absolute values out of the distance.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import relu

from ..base.errors import UsageError
from ..base.formulas import times
from ..base.precision import full
from ..base.ranges import Few, NonNegativeFloat, PositiveInt, Weight
from ..context import Context
from ..losses import AdversarialLoss, NonSaturating
from ..nets.pan import DEEPEST, LEAST, PANNorm, Perceptual, Transformation
from ..nets.unet import depth
from ..optim import Adam, Optim
from ..spec import Batch, DataSpec
from ..tasks import Move, Translation
from ._adversarial import Adversarial


class PAN(Adversarial, Translation):
    in_short = "The discriminator's own features say how far an image is from the true one."
    group = "paired"
    needs = ("a", "b")
    paired = True
    batch = 4
    moves_latents = False
    companion = "true image to be near to"

    @dataclass(frozen=True)
    class Options(Adversarial.Options, Translation.Options):
        loss: AdversarialLoss = NonSaturating()  # adversarial loss
        perceptual_weights: tuple[Weight, Weight, Weight, Weight] = (5.0, 1.5, 1.5, 1.0)  # λ, from the largest map on
        margin: NonNegativeFloat = 3.0
        """m: up to where the discriminator enlarges the distance; at 0 it leaves it alone"""
        levels: Few | None = None  # halvings of T; by default to 4 to 7 pixels of the shorter side: 6 of 256
        width: PositiveInt = 64  # channels of the largest maps
        norm: PANNorm = "batch"  # of both players; in use that of the training's statistics. Or each image's own
        optim: Optim = Adam(lr=2e-4)  # of both players

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        o, (height, width) = self.options, self.size("a")
        inputs, outputs = (data.fields[key].planes for key in "ab")
        self.levels = depth(height, width, o.levels, DEEPEST, LEAST)
        if height >> self.levels == width >> self.levels == 1:
            raise UsageError(
                f"{self.levels} halvings leave one pixel of {height}×{width}, and its norm would be 0; choose "
                f"game.levels {self.levels - 1} or less"
            )
        self.generator = Transformation(inputs, outputs, self.levels, o.width, o.norm)
        shown = self.add_duel(DataSpec.of((outputs, height, width)))
        self.discriminator = Perceptual((shown.shape[0], height, width), o.width, o.norm)
        self.check_duels()

    def check_data(self) -> None:
        super().check_data()
        self.check_drawn()

    def parts(self) -> tuple[Any, ...]:
        return self.options.loss, *super().parts()

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        o, criterion, steps = self.options, self.options.loss.at(self.progress), self.steps()
        for step in range(steps):
            batch = next(batches)
            a, b = self.planes(batch, "a"), self.planes(batch, "b")
            with torch.set_grad_enabled(step == steps - 1):  # the last one is T's too
                fake = full(self.generator(a))
            (real_logits, real_maps), (fake_logits, fake_maps) = self.look(b), self.look(fake.detach())
            lacking = relu(o.margin - self.distance(real_maps, fake_maps)).mean() if o.margin else None
            loss = criterion.discriminator(real_logits, fake_logits)
            context = Context.of(self.score, b, fake.detach(), real_logits, fake_logits)
            yield Move("discriminator", adversarial=loss, margin=lacking, **self.extras("discriminator", context))
            self.adapt(real_logits)

        with torch.no_grad():  # nothing that T could change
            real_logits, real_maps = self.look(b)
        fake_logits, fake_maps = self.look(fake)  # the same fake, after the discriminator's step
        context = Context.of(self.score, b, fake, real_logits, fake_logits)
        yield Move(
            "generator",
            adversarial=criterion.generator(real_logits, fake_logits),
            perceptual=self.distance(real_maps, fake_maps).mean(),
            **self.extras("generator", context),
        )

    letters: ClassVar[dict[str, str]] = Adversarial.letters | {
        "x": "a true image b",
        "G(z)": "the image made of a",
        "P_1": "the mean of |φ_1(G(z)) - φ_1(x)|, φ_1 the discriminator's first map; likewise the others",
    }

    def formulas(self, player: str) -> dict[str, str]:
        o, weights = self.options, enumerate(self.options.perceptual_weights, 1)
        distance = " + ".join(times(weight, f"P_{j}") for j, weight in weights if weight) or "0"
        if player == "generator":
            return super().formulas(player) | {"perceptual": distance}
        margin = {"margin": f"max(0, {o.margin:g} - ({distance}))"} if o.margin else {}
        return super().formulas(player) | margin

    def distance(self, maps: list[Tensor], others: list[Tensor]) -> Tensor:
        """Σ λⱼ Pⱼ of each image, [N]: the weighted sum of the mean absolute differences of the discriminator's maps.

        The margin is of each image by itself, so that it does not matter with which others it shares a batch.
        """
        each = zip(self.options.perceptual_weights, maps, others, strict=True)
        apart = [weight * (one - other).abs().flatten(1).mean(1) for weight, one, other in each]
        return torch.stack(apart).sum(0)

    def look(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The logits [N] of images x [N, C, H, W] as the views show them, and maps of the images themselves.

        The maps, each [N, C', h, w], are compared: a view would change the two images in different ways.
        """
        logits, maps = self.discriminator(x)
        return self.score(x) if self.options.views else full(logits), [full(each) for each in maps]

    def score(self, x: Tensor) -> Tensor:
        """The logits [N] of images [N, C, H, W] as the views show them."""
        return full(self.discriminator(self.seen(x))[0])

    @property
    def ways(self) -> tuple[tuple[str, str], ...]:
        return (("a", "b"),)

    def multiple(self, start: str, to: str) -> int:
        return 2**self.levels

    def smallest(self, start: str, to: str) -> int:
        return 2**self.levels * (1 if self.options.norm == "batch" else 2)  # of one pixel, its own norm would be 0

    @torch.no_grad()
    def translate(self, batch: Batch, to: str) -> Tensor:
        start, _ = self.way("a", to)
        return self.generator(self.planes(batch, start))
