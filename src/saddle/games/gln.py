"""GLN. Global-Local Face Upsampling Network. Tuzel, Taguchi and Hershey, 2016. https://arxiv.org/abs/1603.07235

A face is enlarged in two steps. A global network sees the whole face and draws what must be there; a local network
refines it. They learn by squared differences first, and then also have to deceive a discriminator.

This is our reading of the abstract and of a short description; we did not have the paper's tables. We chose the local
network's kernels (5 at both ends, 7 between) and widths (16, 32, then 64), the optimizers and the lengths of both
stages. The discriminator is SRGAN's at half its width, and the weight of its loss is ours too. The channels of colour
images go through the same networks one by one. `whole false` and `layers 0` leave out the global and the local network.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from ..base.errors import UsageError
from ..base.formulas import times
from ..base.precision import full
from ..base.ranges import PositiveInt, Weight
from ..context import Context
from ..losses import AdversarialLoss, NonSaturating
from ..nets import gln, srgan
from ..nets.shapes import image_shape
from ..optim import Adam, Optim, OwnOptim
from ..spec import Batch, DataSpec
from ..tasks import Move
from ._adversarial import OF_IMAGES, Adversarial, Duel
from ._restoring import Restoring


class GLN(Restoring, Adversarial):
    in_short = "One network draws a whole face larger, and a local network refines it."
    group = "restore"
    batch = 16
    moves_latents = False

    @dataclass(frozen=True)
    class Options(Restoring.Options, Adversarial.Options):
        loss: AdversarialLoss = NonSaturating()  # adversarial loss
        adversarial_weight: Weight = 1e-3  # of the generator's adversarial loss, beside squared differences of pixels
        whole: bool = True  # the global network; without it the image is enlarged by bilinear interpolation
        layers: gln.Layers = 8  # of the local network; 0: none, and the global network's two maps are added
        width: PositiveInt = 16  # channels of its first layer; the second has twice and the others four times as many
        code: PositiveInt = 256  # numbers in the global network's code, whatever the factor
        discriminator_width: PositiveInt = 32  # channels of the discriminator's largest maps
        pretraining: float = 0.8  # share of the run, its beginning, in which the generator learns alone
        optim: Optim = Adam(lr=1e-4, betas=(0.9, 0.999))  # of both players
        pretraining_optim: OwnOptim = Adam(lr=1e-3, betas=(0.9, 0.999))  # of the generator as long as it learns alone

        def __post_init__(self) -> None:
            super().__post_init__()
            if not self.whole and not self.layers:
                raise UsageError(
                    "with game.whole false and game.layers 0 nothing is left that learns; leave out one of them"
                )

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        o, given, whole = self.options, data.fields["damaged"], data.fields["image"]
        channels, *size = image_shape("GLN", data.only("damaged"))
        if whole.planes != channels:
            raise UsageError(
                f"GLN enlarges each channel by itself, and here {given.planes} channels become {whole.planes}; give "
                "images of as many channels"
            )
        self.generator: gln.GLN = gln.GLN((size[0], size[1]), self.times, o.code, o.whole, o.layers, o.width)
        shown = image_shape("GLN", self.add_duel(data.only("image")))
        self.discriminator = srgan.judge(shown, o.discriminator_width)
        self.keep_first_stage()
        self.check_duels()

    def parts(self) -> tuple[Any, ...]:
        return self.criterion, *super().parts()

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        if self.generator.enlarge is not None:
            self.note(moved=self.generator.enlarge.moved())
        batch = next(batches)
        if self.alone:
            made = full(self.generator(batch["damaged"]))
            yield from self.pretrain(mse_loss(made, batch["image"]))
            return

        o, loss, steps = self.options, self.options.loss.at(self.progress), self.steps()
        for step in range(steps):
            batch = next(batches) if step else batch
            real = batch["image"]
            with torch.set_grad_enabled(step == steps - 1):  # the last ones are the generator's too
                fake = full(self.generator(batch["damaged"]))
            context = self.context(real, fake.detach())
            adversarial = loss.discriminator(context.real_logits, context.fake_logits)
            yield Move("discriminator", adversarial=adversarial, **self.extras("discriminator", context))
            self.adapt(context.real_logits)

        context = self.context(real, fake, loss.relativistic)  # the same ones, after the discriminator's step
        yield Move(
            "generator",
            pixels=mse_loss(fake, real),
            adversarial=o.adversarial_weight * loss.generator(context.real_logits, context.fake_logits),
            **self.extras("generator", context),
        )

    letters: ClassVar[dict[str, str]] = Adversarial.letters | OF_IMAGES

    def formulas(self, player: str) -> dict[str, str]:
        pixels = {"pixels": self.gap} if player == "generator" and self.first_share < 1 else {}
        return super().formulas(player) | pixels

    def judgement(self, duel: Duel, side: str) -> dict[str, str]:
        weight = self.options.adversarial_weight if side == "generator" else 1.0
        return {"adversarial": times(weight, self.options.loss.formula(side))}

    def context(self, real: Tensor, fake: Tensor, compares: bool = True) -> Context:
        """The context of large images, real and fake, both [N, C, H, W]; of fakes only if not `compares`."""
        return Context.of(self.logits, real, fake, self.logits(real) if compares else None, self.logits(fake))

    def logits(self, x: Tensor) -> Tensor:
        """[N], of large images [N, C, H, W]."""
        return full(self.discriminator(self.seen(x))).flatten()

    @property
    def sized(self) -> bool:
        return self.options.whole

    def smallest(self) -> int:
        return -(-4 // self.times)  # of mirrored edges

    @property
    def reach(self) -> int | None:
        return None if self.options.whole else gln.reach(self.times, self.options.layers)
