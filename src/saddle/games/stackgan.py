"""StackGAN. Text to Photo-realistic Image Synthesis with Stacked GANs. Zhang et al., 2017. https://arxiv.org/abs/1612.03242

Stage I draws rough shapes and colours from a text, stage II reads the text again and draws stage I's image anew, two or
four times as large; stage I is finished by then and stays as it is (Section 3). A text's code is drawn from
N(μ(t), σ²(t)), which is kept near N(0, 1) (Eq. 2). Both discriminators are matching-aware and know a text by its μ;
that of stage II also judges images without their text, as in the code. In either stage the learning rate is halved in
every 100th of 600 epochs: of the rounds from `text_share` to `second_from`, and of those after it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..base.errors import UsageError, few
from ..base.precision import full
from ..context import Context
from ..layers.resample import enlarge, shrink
from ..nets.stackgan import Discriminator, Drawn, StageI, StageII, smaller
from ..optim import Adam, Optim, Restarted, Within
from ..spec import Batch, DataSpec
from ..tasks import Move, Sizes
from ._conditional import mismatched
from ._text import HALVED, TextToImage, compared, divergence, joined, persuasion


class StackGAN(TextToImage, Sizes):
    in_short = "One stage draws a small image from a text, and a second one draws it larger."
    group = "text"
    stage: Tensor  # 0 or 1: which one plays, or played last

    @dataclass(frozen=True)
    class Options(TextToImage.Options):
        factor: int = 4  # how much larger stage II draws: 4 or 2
        second_from: float = 0.55  # progress of the run at which stage II takes over
        code: int = 128  # numbers in the code of a text
        kl_weight: float = 2.0  # λ of the codes' divergence; 2 in the code
        width: int = 64  # channels of stage I's largest map; every halving doubles them
        optim: Optim = Adam(lr=2e-4, schedule=Within(Restarted(HALVED), begin=0.1))  # of all players, in either stage
        blocks: int = 4  # residual blocks of stage II
        discriminator_width: int = 64  # channels of the discriminators' largest maps

        def __post_init__(self) -> None:
            super().__post_init__()
            few(blocks=self.blocks)
            if self.factor not in (2, 4) or not self.text_share <= self.second_from < 1:
                raise UsageError(
                    "StackGAN wants a factor of 2 or 4 and second_from from text_share to below 1, not "
                    f"{self.factor} and {self.second_from}"
                )
            if min(self.code, self.width, self.blocks, self.discriminator_width) < 1:
                raise UsageError("StackGAN wants code, width, blocks and discriminator_width of at least 1")
            if self.kl_weight < 0:
                raise UsageError(f"kl_weight is at least 0, not {self.kl_weight}")

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        o, small = self.options, smaller("StackGAN", data, self.options.factor)
        first = StageI(o.z_dim, self.text_dim, small, o.code, o.width)
        second = StageII(self.text_dim, data.shape[0], o.code, o.width, o.factor, o.blocks)
        self.generator = nn.ModuleList([first, second])
        shown = [
            self.add_duel(spec, "", f"discriminator.{stage}", f"generator.{stage}")
            for stage, spec in enumerate((small, data.unconditional()))
        ]
        rough = Discriminator(shown[0], o.code, o.discriminator_width, alone=False)
        self.discriminator = nn.ModuleList([rough, Discriminator(shown[1], o.code, o.discriminator_width)])
        self.register_buffer("stage", torch.zeros((), dtype=torch.int64))
        self.check_duels()

    def has_staged(self, progress: float) -> bool:
        return super().has_staged(progress) or progress >= self.options.second_from

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        o = self.options
        if self.learns_to_read():
            yield self.reading(next(batches))
            return

        stage, steps = int(self.progress >= o.second_from), self.steps()
        self.stage.fill_(stage)
        network = self.discriminator[stage]
        for step in range(steps):
            batch = next(batches)
            text = self.embed(batch["caption"])
            real = batch["image"] if stage else shrink(batch["image"], o.factor)
            z = self.noise(len(text))
            with torch.set_grad_enabled(step == steps - 1):
                drawn = self.draw(stage, z, text)  # judged twice, as in the code
            fake, c = drawn.images[-1], drawn.mean.detach()

            shown = self.seen(real, stage), self.seen(fake.detach(), stage)
            right, wrong, unreal = compared(network, *shown, c, mismatched(batch["caption"], c))
            self.note(d_real=o.loss.output(full(right.joint)), d_fake=o.loss.output(full(unreal.joint)))
            accepted, refused = joined(right.joint, right.alone), joined(wrong.joint, unreal.joint, unreal.alone)
            context = self.context(stage, real, right.heads(), fake.detach(), unreal.heads(), z, text, c)
            owed = self.extras("discriminator", context, stage)
            yield Move("discriminator", adversarial=o.loss.discriminator(accepted, refused), **owed)
            self.adapt(right.heads(), stage)

        outputs = network(self.seen(fake, stage), c)
        context = self.context(stage, real, None, fake, outputs.heads(), z, text, c)
        yield Move(
            "generator",
            adversarial=persuasion(o.loss, outputs),
            kl=o.kl_weight * divergence(drawn.mean, drawn.log_var),
            **self.extras("generator", context, stage),
        )

    def context(
        self,
        stage: int,
        real: Tensor,
        real_logits: Tensor | None,
        fake: Tensor,
        fake_logits: Tensor,
        z: Tensor,
        text: Tensor,
        c: Tensor,
    ) -> Context:
        """Real images, if they were judged, and fakes of a stage with the same texts."""
        return Context.of(
            lambda x: self.discriminator[stage](self.seen(x, stage), c).heads(),
            real,
            fake,
            real_logits,
            fake_logits,
            z=z,
            generate=lambda z: self.draw(stage, z, text).images[-1],
        )

    def draw(self, stage: int, noise: Tensor, text: Tensor | None) -> Drawn:
        """Images of the stages up to this one, which is the one that learns."""
        o = self.options
        noises = noise.split([o.z_dim + o.code, o.code], 1)
        if stage == 0:
            return self.generator[0](noises[0], text)
        with torch.no_grad():
            first = self.generator[0].eval()(noises[0], text)  # as it will be in use; its statistics stay too
        drawn = self.generator[1](noises[1], text, first.images[0])
        return drawn._replace(images=[*first.images, *drawn.images])

    def noise(self, n: int, label: Tensor | None = None) -> Tensor:
        """z, of the prior, and normal noise for the codes of the text at both stages.  [n, z_dim + 2 · code]"""
        return self.draw_prior(n, self.options.z_dim, beside=2 * self.options.code)

    def images(self, z: Tensor, label: Tensor | None = None) -> list[Tensor]:
        """What each stage draws of these latents, the smaller first; only stage I's before stage II begins."""
        return self.draw(int(self.stage), z, self.text_of(z, label)).images

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Stage II's images; before it begins, stage I's, enlarged."""
        image = self.images(z, label)[-1]
        return enlarge(image, self.data.shape[1] // image.shape[2])
