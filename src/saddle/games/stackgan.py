"""StackGAN. Text to Photo-realistic Image Synthesis with Stacked GANs. Zhang et al., 2017. https://arxiv.org/abs/1612.03242

Stage I draws rough shapes and colours from a text. Stage II reads the text again and draws stage I's image anew, two or
four times as large; while stage II learns, stage I stays as it is (Section 3). A text's code is drawn from N(μ(t),
σ²(t)), which is kept near N(0, 1) (Eq. 2). Both discriminators are matching-aware and take μ as the text; that of stage
II also judges images without their text, as in the code. In either stage the learning rate is halved in every 100th of
600 epochs, as the paper says (Section 4.2; in every 50th of birds in the authors' code, hanzhanggit/StackGAN,
stageI/cfg/birds.yml): of the rounds from `text_share` to `second_from`, and of those after it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import Tensor, nn

from ..base.errors import UsageError
from ..base.formulas import times
from ..base.precision import full
from ..base.ranges import Few, PositiveInt, ShareBelowOne, Weight, between, multiple_of
from ..context import Context
from ..layers.resample import enlarge, shrink
from ..nets.stackgan import Discriminator, Drawn, StageI, StageII, smaller
from ..optim import Adam, Optim, Restarted, Within
from ..spec import Batch, DataSpec
from ..tasks import Move, Sizes
from ._adversarial import Duel
from ._conditional import mismatched
from ._text import HALVED, TextToImage, compared, divergence, joined, persuasion


class StackGAN(TextToImage, Sizes):
    in_short = "One stage draws a small image from a text, and a second one draws it larger."
    group = "text"
    stage: Tensor  # 0 or 1: which one plays, or played last

    @dataclass(frozen=True)
    class Options(TextToImage.Options):
        factor: Annotated[int, between(2, 4), multiple_of(2)] = 4  # how much larger stage II draws: 4 or 2
        second_from: ShareBelowOne = 0.55  # progress of the run at which stage II takes over
        code: PositiveInt = 128  # numbers in the code of a text
        kl_weight: Weight = 2.0  # λ of the codes' divergence; 2 in the code
        width: PositiveInt = 64  # channels of stage I's largest map; every halving doubles them
        optim: Optim = Adam(lr=2e-4, schedule=Within(Restarted(HALVED), begin=0.1))  # of all players, in either stage
        blocks: Few = 4  # residual blocks of stage II
        discriminator_width: PositiveInt = 64  # channels of the discriminators' largest maps

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.second_from < self.text_share:
                raise UsageError(f"second_from is at least text_share, {self.text_share}, not {self.second_from}")

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

    def formulas(self, player: str) -> dict[str, str]:
        kl = {"kl": times(self.options.kl_weight, "KL(N(μ(t), σ²(t)) ‖ N(0, 1)), the mean over a code's numbers")}
        return super().formulas(player) | (kl if player == "generator" else {})

    def judgement(self, duel: Duel, side: str) -> dict[str, str]:
        heads = "in stage II also of images without their text"
        wrong = "a third to a half of the fakes are real images under the text of another"
        return {"adversarial": f"{self.options.loss.formula(side)}; {f'{wrong}; ' * (side == 'discriminator')}{heads}"}

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
        """Real images, if they were judged, and fakes of a stage with the same texts.

        Each image batch is [N, C, h, w], each batch of logits [N].
        """
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
        """Images [N, C, h, w] of the stages up to this one, which learns, of noise [N, K] and embedded texts [N, E]."""
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

    def latent_parts(self) -> list[dict[str, Any]]:
        return self.prior_parts(self.options.z_dim, beside=2 * self.options.code)

    def images(self, z: Tensor, label: Tensor | None = None) -> list[Tensor]:
        """What each stage draws of these latents, the smaller first; only stage I's before stage II begins."""
        return self.draw(int(self.stage), z, self.text_of(z, label)).images

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Stage II's images; before it begins, stage I's, enlarged."""
        image = self.images(z, label)[-1]
        return enlarge(image, self.data.shape[1] // image.shape[2])
