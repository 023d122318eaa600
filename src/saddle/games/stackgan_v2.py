"""StackGAN-v2. StackGAN++: Realistic Image Synthesis with Stacked GANs. Zhang et al., 2018. https://arxiv.org/abs/1710.10916

A tree of generators draws one picture at several sizes at once. A discriminator for each size judges it with its text
and by itself: L_D and L_G are the sums over sizes and both judgements (Eq. 3 to 6). Without texts, it judges only by
itself. Then the colours of a picture, their means and covariances, must be those of the next smaller one (Eq. 7, 8).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..base.formulas import weighed
from ..base.precision import full
from ..base.ranges import Few, PositiveInt, Weight
from ..context import Context
from ..layers.colours import recolouring
from ..layers.init import orthogonal
from ..layers.resample import shrink
from ..nets.stackgan import Discriminator, Drawn, TextLogits, smaller
from ..nets.stackgan_v2 import Tree
from ..spec import Batch, DataSpec
from ..tasks import Move, Sizes
from ._adversarial import Duel
from ._conditional import mismatched
from ._text import TextToImage, compared, divergence, joined, persuasion


class StackGANv2(TextToImage, Sizes):
    in_short = "A tree of generators draws one image at several sizes, with a text or without."
    group = "text"
    needs: tuple[str, ...] = ("image",)  # and captions, where there are some

    @dataclass(frozen=True)
    class Options(TextToImage.Options):
        branches: Few = 3  # sizes at which the tree draws, each half the next
        code: PositiveInt = 128  # numbers in the code of a text
        kl_weight: Weight = 2.0  # λ of the codes' divergence; 2 in the code
        colour_weight: Weight | None = None  # α of colour consistency; none: the paper's, 50 without texts, 0 with
        alone: bool = True  # with texts, also judge each image by itself
        width: PositiveInt = 64  # channels of the first branch's map; every halving doubles them
        blocks: Few = 2  # residual blocks of a branch
        discriminator_width: PositiveInt = 64  # channels of the discriminators' largest maps

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        if "caption" in data.keys:
            self.needs = ("image", "caption")
        super().__init__(data, options)
        o = self.options
        self.factors = [1 << branch for branch in reversed(range(o.branches))]
        sizes = [smaller("StackGAN++", data, factor) for factor in self.factors]
        code = o.code if self.text_dim else 0
        self.generator = Tree(o.z_dim, self.text_dim, sizes[0], o.branches, o.code, o.width, o.blocks)
        self.names = [f"size_{size.shape[1]}" for size in sizes]
        shown = [
            self.add_duel(size, name, f"discriminator.{k}")
            for k, (size, name) in enumerate(zip(sizes, self.names, strict=True))
        ]
        self.discriminator = nn.ModuleList(
            orthogonal(Discriminator(each, code, o.discriminator_width, o.alone or not code)) for each in shown
        )
        self.check_duels()
        self.colour_weight = (0.0 if code else 50.0) if o.colour_weight is None else o.colour_weight

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        o, steps = self.options, self.steps()
        if self.learns_to_read():
            yield self.reading(next(batches))
            return

        for step in range(steps):
            batch = next(batches)
            text = self.embed(batch["caption"]) if self.text_dim else None
            z = self.noise(len(batch["image"]))
            with torch.set_grad_enabled(step == steps - 1):
                drawn = self.generator(z, text)  # judged twice, as in the code
            c = None if drawn.mean is None else drawn.mean.detach()
            other = None if c is None else mismatched(batch["caption"], c)
            losses, answers = self.refusals(batch["image"], drawn, z, text, c, other)
            yield Move("discriminator", **losses)
            for k, logits in enumerate(answers):
                self.adapt(logits, k)

        outputs = [self.discriminate(k, fake, c) for k, fake in enumerate(drawn.images)]
        losses = {name: persuasion(o.loss, output) for name, output in zip(self.names, outputs, strict=True)}
        if c is not None:
            losses["kl"] = o.kl_weight * divergence(drawn.mean, drawn.log_var)
        if self.colour_weight:
            losses["colour"] = self.colour_weight * recolouring([full(image) for image in drawn.images])
        last = len(outputs) - 1  # one generator draws all sizes: its penalties count once, for the largest
        context = self.context(last, batch["image"], None, drawn.images[-1], outputs[-1].heads(), z, text, c)
        yield Move("generator", **losses, **self.extras("generator", context, last))

    def formulas(self, player: str) -> dict[str, str]:
        if player != "generator":
            return super().formulas(player)
        kl = self.options.kl_weight if self.text_dim else None
        own = weighed(
            kl=(kl, "KL(N(μ(t), σ²(t)) ‖ N(0, 1)), the mean over a code's numbers"),
            colour=(self.colour_weight, "Σ_k (‖Δ mean colour‖² + 5 · ‖Δ covariance‖²), of sizes k and k - 1"),
        )
        penalties = [each for each in self.options.penalties if player in each.players]  # for the largest size alone
        last = {f"{each.name}{self.duels[-1].suffix}": each.formula(player) for each in penalties}
        told = {name: text for duel in self.duels for name, text in self.judgement(duel, player).items()}
        return told | own | last

    def judgement(self, duel: Duel, side: str) -> dict[str, str]:
        heads = "; of images with their text, and by themselves" if self.text_dim and self.options.alone else ""
        wrong = "; also real images under the text of another" if self.text_dim and side == "discriminator" else ""
        return {duel.name: f"{self.options.loss.formula(side)}{heads}{wrong}"}

    def refusals(
        self, image: Tensor, drawn: Drawn, z: Tensor, text: Tensor | None, c: Tensor | None, other: Tensor | None
    ) -> tuple[dict[str, Any], list[Tensor]]:
        """The losses of the discriminators of all sizes, by name, and their logits of the real images.

        Each image batch is [N, C, h, w], each batch of logits [N].
        """
        losses: dict[str, Any] = {}
        answers = []
        players = zip(self.names, self.discriminator, self.factors, drawn.images, strict=True)
        for k, (name, network, factor, fake) in enumerate(players):
            real, fake = shrink(image, factor), fake.detach()
            right, wrong, unreal = compared(network, self.seen(real, k), self.seen(fake, k), c, other)
            losses[name] = self.refutation(right, wrong, unreal) / len(right.heads())
            context = self.context(k, real, right.heads(), fake, unreal.heads(), z, text, c)
            losses |= self.extras("discriminator", context, k)
            answers.append(right.heads())
        return losses, answers

    def discriminate(self, k: int, image: Tensor, c: Tensor | None) -> TextLogits:
        """The logits of the discriminator of a size, of images [N, C, h, w] as the views show them; c is [N, K]."""
        return self.discriminator[k](self.seen(image, k), c)

    def context(
        self,
        k: int,
        real: Tensor,
        real_logits: Tensor | None,
        fake: Tensor,
        fake_logits: Tensor,
        z: Tensor,
        text: Tensor | None,
        c: Tensor | None,
    ) -> Context:
        """Real images, if they were judged, and fakes of one size with the same texts.

        Each image batch is [N, C, h, w], each batch of logits [N].
        """
        return Context.of(
            lambda x: self.discriminate(k, x, c).heads(),
            real,
            fake,
            real_logits,
            fake_logits,
            z=z,
            generate=lambda z: self.generator(z, text).images[k],
        )

    def refutation(self, right: TextLogits, wrong: TextLogits, unreal: TextLogits) -> Tensor:
        """The discriminator's loss [], N times: six cross-entropies if it judges all pairs.

        An image with a text that is not its own is a real image by itself, as in the code.
        """
        accepted = joined(right.joint, right.alone, wrong.alone)
        refused = joined(wrong.joint, unreal.joint, unreal.alone)
        return len(accepted) * self.options.loss.discriminator(accepted, refused)

    def noise(self, n: int, label: Tensor | None = None) -> Tensor:
        """z, of the prior, and with texts normal noise for their codes.  [n, z_dim (+ code)]"""
        return self.draw_prior(n, self.options.z_dim, beside=self.options.code if self.text_dim else 0)

    def latent_parts(self) -> list[dict[str, Any]]:
        return self.prior_parts(self.options.z_dim, beside=self.options.code if self.text_dim else 0)

    def images(self, z: Tensor, label: Tensor | None = None) -> list[Tensor]:
        """What each branch draws of these latents, the smallest first."""
        return self.generator(z, self.text_of(z, label)).images

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The largest images."""
        return self.images(z, label)[-1]
