"""GAN-CLS. Generative Adversarial Text to Image Synthesis. Reed et al., 2016. https://arxiv.org/abs/1605.05396

The discriminator also sees real images with texts that are not theirs, and must refuse them, so that it learns to read:
log D(x, t) + ½ [log(1 - D(x, t̂)) + log(1 - D(G(z, t), t))] (Algorithm 1). The generator is also trained on the mean of
two embedded texts, for which no real image is needed (GAN-INT, Eq. 5). The learning rate is halved in every 100th of
the paper's 600 epochs (Section 5), as in the authors' code (reedscot/icml2016, main_cls_int.lua). These are here the
rounds after the first tenth (`text_share`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ..base.precision import full
from ..base.ranges import PositiveInt, Share
from ..context import Context
from ..nets import gan_cls
from ..optim import Adam, Optim, Within
from ..spec import Batch, DataSpec
from ..tasks import Move
from ._adversarial import Duel
from ._conditional import mismatched
from ._text import HALVED, TextToImage, joined


class GANCLS(TextToImage):
    in_short = "The discriminator learns to refuse real images whose text is not theirs."
    group = "text"
    start_here = True

    @dataclass(frozen=True)
    class Options(TextToImage.Options):
        interpolate: bool = True  # train the generator on mixed texts too, one to two plain ones (GAN-INT)
        interpolation: Share = 0.5  # β: a mixed text is β t₁ + (1 - β) t₂
        width: PositiveInt = 128  # channels of the generator's largest map; every halving doubles them
        discriminator_width: PositiveInt = 64  # channels of the discriminator's largest map
        optim: Optim = Adam(lr=2e-4, schedule=Within(HALVED, begin=0.1))  # of all players; it begins after reading
        read: PositiveInt = 128  # numbers to which each network reduces an embedded text

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        o = self.options
        self.generator = gan_cls.Generator(o.z_dim, self.text_dim, data, o.width, o.read)
        self.discriminator = gan_cls.Discriminator(self.text_dim, self.add_duel(data), o.discriminator_width, o.read)
        self.check_duels()

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        o = self.options
        if self.learns_to_read():
            yield self.reading(next(batches))
            return

        for _ in range(self.steps()):
            batch = next(batches)
            real, text = batch["image"], self.embed(batch["caption"])
            other = mismatched(batch["caption"], text)
            z = self.noise(len(text))
            with torch.no_grad():
                fake = self.generator(z, text)
            features = self.discriminator.features(self.seen(real))
            real_logits, fake_logits = full(self.discriminator.match(features, text)), self.score(fake, text)
            wrong_logits = None if other is None else full(self.discriminator.match(features, other))
            self.note(d_real=o.loss.output(real_logits), d_fake=o.loss.output(fake_logits))
            if wrong_logits is not None:
                self.note(d_wrong=o.loss.output(wrong_logits))
            unreal = joined(wrong_logits, fake_logits)
            owed = self.extras("discriminator", self.context(real, real_logits, fake, fake_logits, z, text))
            yield Move("discriminator", adversarial=o.loss.discriminator(real_logits, unreal), **owed)
            self.adapt(real_logits)

        z = self.noise(len(text))
        if o.interpolate and other is not None:
            mixed = (o.interpolation * text + (1 - o.interpolation) * other)[::2]
            text, z = torch.cat([text, mixed]), torch.cat([z, self.noise(len(mixed))])
        fake = self.generator(z, text)
        fake_logits = self.score(fake, text)
        owed = self.extras("generator", self.context(real, None, fake, fake_logits, z, text))
        yield Move("generator", adversarial=o.loss.generator(None, fake_logits), **owed)

    def judgement(self, duel: Duel, side: str) -> dict[str, str]:
        wrong = "; half of the fakes are real images under the text of another" * (side == "discriminator")
        return {"adversarial": self.options.loss.formula(side) + wrong}

    def score(self, x: Tensor, text: Tensor) -> Tensor:
        """The logits [N] of images x [N, C, H, W] as the views show them, with their texts [N, E]."""
        return full(self.discriminator(self.seen(x), text))

    def context(
        self, real: Tensor, real_logits: Tensor | None, fake: Tensor, fake_logits: Tensor, z: Tensor, text: Tensor
    ) -> Context:
        """Real images, if they were judged, and fakes with the same texts [N, E]; each image batch is [N, C, H, W]."""
        score, generate = partial(self.score, text=text), partial(self.generator, text=text)
        return Context.of(score, real, fake, real_logits, fake_logits, z=z, generate=generate)

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return self.generator(z, self.text_of(z, label))
