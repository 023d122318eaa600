"""SPADE. Semantic Image Synthesis with Spatially-Adaptive Normalization. Park et al., 2019.
https://arxiv.org/abs/1903.07291

GauGAN: a label map becomes a photograph. The map scales and shifts the normalised features at every layer of the
generator (Eq. 1), since a norm would remove it from an input. An encoder reads the style off an image; without one it
is drawn (Section 3).

Constants and layers are those of the authors' code, except for the norm. Theirs is batch norm (`--game.norm batch`),
whose statistics differ between training and use. Here each image is normalised by itself, as they advise for small
batches. A batch has four images, as on one of their eight GPUs, since the weight of the KL divergence depends on it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import torch
from torch import Tensor

from ..base import rng
from ..base.errors import UsageError
from ..base.formulas import weighed
from ..base.precision import full
from ..base.ranges import Few, PositiveInt, Weight, between
from ..context import Context
from ..layers.spade import SpadeNorm
from ..losses import AdversarialLoss, Hinge
from ..nets.scales import MATCHED, Maps, logits_of, matching
from ..nets.spade import SpadeGenerator, StyleEncoder, doublings, spade_judges
from ..optim import Adam, Optim, OwnOptim
from ..spec import Batch, DataSpec
from ..tasks import Move
from ._adversarial import PAIRED, Adversarial, Duel
from ._autoencoder import divergence, reparametrise
from ._outlined import Outlined
from ._perceived import Perceived


class SPADE(Perceived, Outlined, Adversarial):
    in_short = "A label map becomes a photograph, and the map steers the norm in every layer."
    group = "paired"
    paired = True
    batch = 4
    moves_latents = False

    @dataclass(frozen=True)
    class Options(Perceived.Options, Outlined.Options, Adversarial.Options):
        loss: AdversarialLoss = Hinge()  # adversarial loss of the logits of patches; the mean over the scales
        matching_weight: Weight = 10.0  # λ: of the distance from true images in the discriminators' maps; 0: none
        encoder: bool = False  # encode the style of an image? without it, a map is always drawn in the same way
        kl_weight: Weight = 0.05  # of the divergence of z from N(0, 1), the sum over its numbers and over the batch
        z_dim: PositiveInt = 256  # numbers in the code z of a style
        norm: SpadeNorm = "instance"  # by each image's own statistics; batch: by those of the batch, as in the paper
        doublings: Annotated[int, between(1, 7)] | None = None
        """5, 6 and 7 are "normal", "more" and "most"; none: 5, or fewer of small images"""
        width: PositiveInt = 64  # channels of the generator's largest maps
        hidden: PositiveInt = 128  # channels of what each norm sees in the map
        encoder_width: PositiveInt = 64  # channels of the encoder's largest maps
        scales: Few = 2  # sizes at which images are judged
        patch_layers: Few = 3  # 1, 2, 3, 4, 5: patches of 16, 34, 70, 142, 286 pixels
        discriminator_width: PositiveInt = 64  # channels of the discriminators' largest maps
        optim: Optim = Adam(lr=1e-4, betas=(0.0, 0.9))  # of the generator and the encoder
        discriminator_optim: OwnOptim = Adam(lr=4e-4, betas=(0.0, 0.9))  # of the discriminator: TTUR

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.doublings == 7 and self.width % 2:
                raise UsageError(f"with 7 doublings width is even, not {self.width}")

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        o, size, channels = self.options, self.size("b"), data.fields["b"].planes
        self.steps_up = doublings(*size, o.doublings)
        z_dim = o.z_dim if o.encoder else 0
        self.generator = SpadeGenerator(
            self.seen_planes, channels, size, self.steps_up, o.width, o.hidden, o.norm, z_dim
        )
        if o.encoder:
            self.encoder = StyleEncoder((channels, *size), o.z_dim, o.encoder_width)
        shown = self.add_duel(DataSpec.of((self.seen_planes + channels, *size))).shape[0]
        self.discriminator = spade_judges((shown, *size), o.scales, o.patch_layers, o.discriminator_width)
        self.add_features("b")
        self.check_duels()

    @property
    def averaged(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("generator", "encoder") if self.options.encoder else ("generator",)

    def check_data(self) -> None:
        super().check_data()
        self.check_drawn()
        if self.data.fields["a"].kind != "map":
            raise UsageError(
                "SPADE draws images from label maps, a class for every pixel, and the side a of these data is "
                f"{self.data.fields['a']}; choose data with label maps, such as --data scenes or --data maps:FOLDER, "
                "or a game that draws images from images: pix2pix or pix2pixhd"
            )

    def parts(self) -> tuple[Any, ...]:
        return self.options.loss, *super().parts()

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        """The generator moves first; then it draws again, in a new style, what the discriminator learns from."""
        o, batch = self.options, next(batches)
        seen, image = self.seen_of(batch), self.planes(batch, "b")
        yield from self.learn(image)

        z, kl = self.style(image)
        fake = full(self.generator(seen, z))
        of_real, of_fake, context = self.judged(seen, image, fake)
        yield Move(
            *self.averaged,
            adversarial=self.adversarial("generator", of_real, of_fake),
            matching=o.matching_weight * matching(of_real, of_fake, scaled=False) if o.matching_weight else None,
            perceptual=self.perceived(fake, image),
            kl=kl,
            **self.extras("generator", context),
        )

        for step in range(self.steps()):
            if step:
                batch = next(batches)
                seen, image = self.seen_of(batch), self.planes(batch, "b")
            with torch.no_grad():
                fake = full(self.generator(seen, self.style(image)[0]))
            of_real, of_fake, context = self.judged(seen, image, fake)
            loss = self.adversarial("discriminator", of_real, of_fake)
            yield Move("discriminator", adversarial=loss, **self.extras("discriminator", context))
            self.adapt(context.real_logits)

    letters: ClassVar[dict[str, str]] = Adversarial.letters | PAIRED

    def formulas(self, player: str) -> dict[str, str]:
        told, o = super().formulas(player), self.options
        if player == "generator":
            divergence = "KL(q(z | b) ‖ N(0, 1)), q what the encoder finds; the sum over the batch"
            kl = o.kl_weight if o.encoder else None
            told |= weighed(matching=(o.matching_weight, MATCHED), kl=(kl, divergence))
        return told

    def judgement(self, duel: Duel, side: str) -> dict[str, str]:
        return {"adversarial": f"{self.options.loss.formula(side)}; the mean over the sizes"}

    def style(self, image: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """z [N, z_dim] of true images [N, C, H, W], drawn from the encoder's distribution, and its loss [].

        Both are None without an encoder. The divergence is summed over the whole batch, whose parts' losses are
        averaged.
        """
        if not self.options.encoder:
            return None, None
        mean, log_var = map(full, self.encoder(image))
        each = divergence(mean, log_var)
        self.note(kl=each.mean())
        kl = self.options.kl_weight * each.sum() * rng.shares() if self.options.kl_weight else None
        return reparametrise(mean, log_var)[0], kl

    def judged(self, seen: Tensor, image: Tensor, fake: Tensor) -> tuple[Maps, Maps, Context]:
        """The maps of the discriminators for true and drawn images, both [N, C, H, W], each beside `seen` [N, K, H, W].

        They are judged as one batch.
        """
        real, drawn = torch.cat((seen, image), 1), torch.cat((seen, fake), 1)
        both = self.discriminator(self.seen(torch.cat((drawn, real))))
        of_fake, of_real = ([[x.chunk(2)[half] for x in maps] for maps in both] for half in (0, 1))
        return of_real, of_fake, Context.of(self.score, real, drawn, logits_of(of_real), logits_of(of_fake))

    def adversarial(self, player: Literal["generator", "discriminator"], real: Maps, fake: Maps) -> Tensor:
        """The mean over the scales.  []"""
        loss = self.options.loss.at(self.progress)
        each = [getattr(loss, player)(one[-1], other[-1]) for one, other in zip(real, fake, strict=True)]
        return torch.stack(each).mean()

    def score(self, pairs: Tensor) -> Tensor:
        """The logits of the patches of all scales, [N, P]."""
        return logits_of(self.discriminator(self.seen(pairs)))

    def instances_of(self, batch: Batch) -> Tensor:
        """Numbers of objects [N, H, W]; of a map alone, as people paint them, the classes, whose outlines are there."""
        return batch.get("instances", batch["a"])

    @property
    def styled(self) -> bool:
        return self.options.encoder

    @property
    def varies(self) -> bool:
        return self.options.encoder

    def multiple(self, start: str, to: str) -> int:
        return 2**self.steps_up

    def smallest(self, start: str, to: str) -> int:
        return 2 ** (self.steps_up + 1)

    @torch.no_grad()
    def translate(self, batch: Batch, to: str) -> Tensor:
        """In the style of the images under "style", the mean of their encoder; without them in a drawn one."""
        self.way("a", to)
        seen, z = self.seen_of(batch), None
        if self.options.encoder and "style" in batch:
            z = self.encoder(batch["style"].to(self.dtype))[0].expand(seen.shape[0], -1)
        elif self.options.encoder:
            z = rng.randn(len(seen), self.options.z_dim, device=self.device).to(self.dtype)
        return self.generator(seen, z)
