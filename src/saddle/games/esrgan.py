"""ESRGAN. ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks. Wang et al., 2018.
https://arxiv.org/abs/1809.00219

Dense blocks without batch norm enlarge images, first trained by absolute differences of pixels alone (Section 4.1).
Then the discriminator says how much more real one image is than the mean of the others. The generator learns from both
terms of that: true images are to look less real, too (Section 3.2). The networks of both stages can be mixed (Section
3.4).

The paper compares features of VGG19 before an activation: `perceptual VGG19` with the layer conv5_4, weight 1 and
`normalise`, from a file of yours. Without one the discriminator's own maps take its place. As in the authors' code,
BasicSR, the generator moves first, the adversarial loss is the mean of its two terms, and pixels count from 0 to 1.
There the means of logits are constants for the discriminator; here gradients flow through them, as in the paper. Adam's
betas are the paper's; the code has 0.9 and 0.99. The code's average, 0.999 a round, is a half-life of 693 batches:
`plan.ema_images 11090`. The discriminator "unet" is Real-ESRGAN's (Wang et al., 2021.
https://arxiv.org/abs/2107.10833).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from ..base.precision import full
from ..base.ranges import Few, PositiveInt
from ..context import Context, Output
from ..losses import AdversarialLoss, HalfRelativisticAverage
from ..nets import rrdb
from ..nets.esrgan import UNetJudge, judge
from ..nets.scales import maps_of
from ..nets.shapes import image_shape
from ..optim import Adam, Optim, OwnOptim, Steps
from ..spec import Batch, DataSpec
from ..tasks import Move
from ._enlarging import Enlarging


class ESRGAN(Enlarging):
    in_short = "Dense blocks enlarge images, against a relativistic discriminator."
    group = "restore"
    batch = 16

    @dataclass(frozen=True)
    class Options(Enlarging.Options):
        discriminator: Literal["vgg", "unet"] = "vgg"  # one logit an image, or Real-ESRGAN's, with one for every pixel
        loss: AdversarialLoss = HalfRelativisticAverage()  # adversarial loss
        adversarial_weight: float = 5e-3  # λ: of the generator's adversarial loss
        perceptual_weight: float = 1.0  # of the distance in that network's features
        pixel_weight: float = 1e-2  # η: of absolute differences of pixels, from 0 to 1, in the second stage too
        blocks: Few = 23  # residual-in-residual dense blocks
        width: PositiveInt = 64  # channels of the generator's maps
        growth: PositiveInt = 32  # channels that a convolution of a dense block adds
        discriminator_width: PositiveInt = 64  # channels of the discriminator's largest maps
        pretraining: float = 5 / 7  # share of the run, its beginning, in which the generator learns alone
        optim: Optim = Adam(  # of both players
            lr=1e-4, betas=(0.9, 0.999), schedule=Steps((1 / 8, 1 / 4, 1 / 2, 3 / 4), factor=0.5)
        )
        pretraining_optim: OwnOptim = Adam(  # of the generator as long as it learns alone
            lr=2e-4, betas=(0.9, 0.999), schedule=Steps((0.2, 0.4, 0.6, 0.8), factor=0.5)
        )

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        o, given, whole = self.options, data.fields["damaged"], data.fields["image"]
        shown = image_shape("ESRGAN", self.add_duel(data.only("image")))
        self.generator = rrdb.RRDBNet(given.planes, whole.planes, self.times, o.blocks, o.width, o.growth)
        judges = {"vgg": judge, "unet": UNetJudge}[o.discriminator]
        self.discriminator: nn.Module = judges(shown, o.discriminator_width)
        self.keep_first_stage()
        self.add_features("image")
        self.check_duels()

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        batch = next(batches)
        small, real = batch["damaged"], batch["image"]
        yield from self.learn(real)
        fake = full(self.generator(small))
        if self.alone:
            yield from self.pretrain(self.apart(fake, real))
            return

        loss = self.options.loss.at(self.progress)
        context = self.context(real, fake, loss.relativistic or self.matches)
        yield Move(
            "generator",
            adversarial=self.options.adversarial_weight * loss.generator(context.real_logits, context.fake_logits),
            **self.content(context),
            **self.extras("generator", context),
        )

        for step in range(self.steps()):
            if step:
                batch = next(batches)
                real = batch["image"]
                with torch.no_grad():
                    fake = full(self.generator(batch["damaged"]))
            context = self.context(real, fake.detach())  # at first those from before the generator's step
            adversarial = loss.discriminator(context.real_logits, context.fake_logits)
            yield Move("discriminator", adversarial=adversarial, **self.extras("discriminator", context))
            self.adapt(context.real_logits)

    gap = "|G(z) - x| / 2"

    def apart(self, made: Tensor, real: Tensor) -> Tensor:
        return l1_loss(made, real) / 2  # as of pixels from 0 to 1

    def context(self, real: Tensor, fake: Tensor, compares: bool = True) -> Context:
        """The context of large images, real and fake, both [N, C, H, W]; of fakes only if not `compares`."""
        return Context(self.logits, real, fake, self.judged(real) if compares else None, self.judged(fake))

    def logits(self, x: Tensor) -> Tensor:
        """The logits of images x [N, C, H, W], [N] or [N, 1, h, w]."""
        return self.judged(x).logits

    def judged(self, x: Tensor) -> Output:
        """Logits of large images [N, C, H, W], [N] or one for each pixel, [N, H·W], and the discriminator's maps."""
        judge, x = self.discriminator, self.seen(x)
        maps = judge.maps(x) if isinstance(judge, UNetJudge) else maps_of(judge, x)
        logits = maps[-1].flatten(1)
        return Output(logits.flatten() if logits.shape[1] == 1 else logits, maps)

    def multiple(self) -> int:
        return rrdb.fold(self.times)

    @property
    def reach(self) -> int:
        return rrdb.reach(self.times, self.options.blocks)
