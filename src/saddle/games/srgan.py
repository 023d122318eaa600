"""SRGAN. Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network. Ledig et al., 2017.
https://arxiv.org/abs/1609.04802

SRResNet enlarges images. It first learns by squared differences of pixels, whose optimum is blurred (Section 2.2). Then
its images are compared with the true ones in the features of a network, and must deceive a discriminator (Eq. 3). The
paper's feature network is VGG19 after its last convolution: `perceptual VGG19` with the layer relu5_4 and distance l2,
from a file of yours. Without one, the discriminator's own maps take its place.

The discriminators "plain", "concatenation" and "projection" are those that cGANs with Projection Discriminator (Miyato
& Koyama, 2018. https://arxiv.org/abs/1802.05637) compares for ×4. They come with that paper's generator and training:
the hinge loss alone, by the settings that begin with `residual`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from ..base.errors import UsageError
from ..base.precision import full
from ..base.ranges import Few, PositiveInt
from ..context import Context, Output, Score
from ..losses import AdversarialLoss, Hinge, NonSaturating
from ..nets import projected, srgan, srresnet
from ..nets.scales import maps_of
from ..nets.shapes import image_shape
from ..optim import Adam, Linear, Optim, OwnOptim, Steps
from ..spec import Batch, DataSpec
from ..tasks import Move
from ..views import View
from ._adversarial import Duel
from ._enlarging import Enlarging

Judge = Literal["srgan", "plain", "concatenation", "projection"]
TOLD: dict[Judge, projected.Told] = {"plain": "nothing", "concatenation": "beside", "projection": "product"}


class SRGAN(Enlarging):
    in_short = "A network enlarges images, first by squared errors, then against a discriminator."
    group = "restore"
    start_here = True
    batch = 16

    @dataclass(frozen=True)
    class Options(Enlarging.Options):
        discriminator: Judge = "srgan"  # the paper's, or a residual one, which may see the small image too
        loss: AdversarialLoss = NonSaturating()  # adversarial loss
        perceptual_weight: float = 0.006  # of the distance in that network's features; the paper's 1 / 12.75²
        pixel_weight: float = 0.0  # of squared differences of pixels in the second stage too, as in SRGAN-MSE
        blocks: Few = 16  # residual blocks of SRResNet
        width: PositiveInt = 64  # channels of the generator's maps, of residual ones of the last
        discriminator_width: PositiveInt = 64  # channels of the discriminator's largest maps
        slope_per_channel: bool = False  # a slope of PReLU for every channel, not one for all
        icnr: bool = False  # initialise enlarging as copies of pixels, which avoids a checkerboard pattern
        skip: srresnet.Skip = "none"  # enlarge so, and let SRResNet draw what is missing, at first nothing
        pretraining: float = 5 / 6  # share of the run, its beginning, in which SRResNet learns alone
        optim: Optim = Adam(lr=1e-4, betas=(0.9, 0.999), schedule=Steps((0.5,)))  # of both players
        pretraining_optim: OwnOptim = Adam(lr=1e-4, betas=(0.9, 0.999))  # of SRResNet as long as it learns alone
        residual_loss: AdversarialLoss = Hinge()  # with a residual discriminator, in place of all other losses
        residual_steps: PositiveInt = 5  # of a residual discriminator to one of its generator
        residual_optim: Optim = Adam(lr=2e-4, betas=(0.0, 0.9), schedule=Linear(begin=0.5))  # of both of these

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.discriminator != "srgan" and self.perceptual is not None:
                raise UsageError(
                    f"with game.discriminator {self.discriminator} the adversarial loss is all there is; leave out "
                    "game.perceptual, or choose game.discriminator srgan"
                )

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        o, given, whole = self.options, data.fields["damaged"], data.fields["image"]
        if self.residual and self.times != projected.TIMES:
            raise UsageError(
                f"game.discriminator {o.discriminator} is for images {projected.TIMES} times as large, and these are "
                f"{self.times} times as large; choose game.discriminator srgan"
            )
        shown, (small, large) = image_shape("SRGAN", self.add_duel(data.only("image"))), (given.planes, whole.planes)
        self.generator: nn.Module
        self.discriminator: nn.Module
        if o.discriminator == "srgan":
            self.generator = srresnet.SRResNet(
                small, large, self.times, o.blocks, o.width, o.slope_per_channel, o.icnr, o.skip
            )
            self.discriminator = srgan.judge(shown, o.discriminator_width)
        else:
            self.generator = projected.enlarger(small, large, o.width)
            self.discriminator = projected.Judge(shown, small, TOLD[o.discriminator], o.discriminator_width)
        self.keep_first_stage()
        self.add_features("image")
        self.check_duels()

    @property
    def residual(self) -> bool:
        """Is everything as in cGANs with Projection Discriminator?"""
        return self.options.discriminator != "srgan"

    @property
    def companion(self) -> str:
        return "small image" if TOLD.get(self.options.discriminator, "nothing") != "nothing" else ""

    @property
    def criterion(self) -> AdversarialLoss:
        return self.options.residual_loss if self.residual else self.options.loss

    @property
    def first_share(self) -> float:
        return 0.0 if self.residual else super().first_share

    def refusal(self, part: Any, duel: Duel) -> str | None:
        if self.companion and isinstance(part, View):
            return (
                f"game.discriminator {self.options.discriminator} compares a large image with a small one, place by "
                f"place, and {type(part).__name__} would change one of the two; leave it out, or choose plain"
            )
        return super().refusal(part, duel)

    def steps(self) -> int:
        return self.options.residual_steps if self.residual else super().steps()

    def optim(self, player: str) -> Optim:
        return self.options.residual_optim if self.residual else super().optim(player)

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        if self.alone:
            batch = next(batches)
            yield from self.learn(batch["image"])
            yield from self.pretrain(self.apart(full(self.generator(batch["damaged"])), batch["image"]))
            return

        criterion, steps = self.criterion.at(self.progress), self.steps()
        for step in range(steps):
            batch = next(batches)
            small, real = batch["damaged"], batch["image"]
            if not step:
                yield from self.learn(real)
            with torch.set_grad_enabled(step == steps - 1):  # the last ones are the generator's too
                fake = full(self.generator(small))
            context = self.context(small, real, fake.detach())
            loss = criterion.discriminator(context.real_logits, context.fake_logits)
            yield Move("discriminator", adversarial=loss, **self.extras("discriminator", context))
            self.adapt(context.real_logits)

        compares = criterion.relativistic or self.matches
        context = self.context(small, real, fake, compares)  # the same ones, after the discriminator's step
        loss = criterion.generator(context.real_logits, context.fake_logits)
        yield Move(
            "generator",
            adversarial=loss if self.residual else self.options.adversarial_weight * loss,
            **({} if self.residual else self.content(context)),
            **self.extras("generator", context),
        )

    def formulas(self, player: str) -> dict[str, str]:
        told = super().formulas(player)
        if self.residual:
            told = {name: formula for name, formula in told.items() if name not in ("perceptual", "pixels", "matching")}
        return told

    def judgement(self, duel: Duel, side: str) -> dict[str, str]:
        return {"adversarial": self.criterion.formula(side)} if self.residual else super().judgement(duel, side)

    def apart(self, made: Tensor, real: Tensor) -> Tensor:
        return mse_loss(made, real)

    @property
    def matches(self) -> bool:
        return not self.residual and super().matches

    def context(self, small: Tensor, real: Tensor, fake: Tensor, compares: bool = True) -> Context:
        """The context of large images, real and fake, both [N, C, H, W], beside small ones [N, C, h, w]."""
        of_real = self.judged(small, real) if compares else None
        return Context(self.scorer(small), real, fake, of_real, self.judged(small, fake))

    def scorer(self, small: Tensor) -> Score:
        """The scoring function of large images beside small ones [N, C, h, w]."""
        return lambda x: self.judged(small, x).logits

    def judged(self, small: Tensor, x: Tensor) -> Output:
        """Logits [N] of large images [N, C, H, W], as of these small ones, and the maps of SRGAN's discriminator."""
        if self.residual:
            return Output(full(self.discriminator(self.seen(x), small)))
        maps = maps_of(self.discriminator, self.seen(x))
        return Output(maps[-1].flatten(), maps)

    @property
    def reach(self) -> int:
        return projected.REACH if self.residual else srresnet.reach(self.times, self.options.blocks)
