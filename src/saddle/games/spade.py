"""SPADE. Semantic Image Synthesis with Spatially-Adaptive Normalization. Park et al., 2019.
https://arxiv.org/abs/1903.07291

GauGAN: a label map becomes a photograph, and says at every layer of the generator what becomes of normed features
(Eq. 1), since a norm would wash it out of an input. An encoder reads the style off an image; without one it is drawn
(Section 3). Constants and layers are those of the authors' code, but for the norm: theirs is of the whole batch, whose
statistics are other ones in use, and each image has its own here, as they advise for small batches (game.norm batch is
theirs). A batch has four images, as on one of their eight GPUs, for the weight of the KL divergence goes with it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from ..base import rng
from ..base.errors import UsageError, at_least, few
from ..base.precision import full
from ..context import Context
from ..layers.spade import SpadeNorm
from ..losses import AdversarialLoss, Hinge
from ..nets.scales import Maps, logits_of, matching
from ..nets.spade import SpadeGenerator, StyleEncoder, doublings, spade_judges
from ..optim import Adam, Optim, OwnOptim
from ..spec import Batch, DataSpec
from ..tasks import Move
from ._adversarial import Adversarial
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
        loss: AdversarialLoss = Hinge()  # what the players make of the patches' logits; the mean over the scales
        matching_weight: float = 10.0  # λ: of the distance from true images in the discriminators' maps; 0: none
        encoder: bool = False  # can an image say the style? without, a map is always drawn in the same way
        kl_weight: float = 0.05  # of the divergence of z from N(0, 1), the sum over its numbers and over the batch
        z_dim: int = 256  # numbers in the code z of a style
        norm: SpadeNorm = "instance"  # by each image's own statistics; batch: by those of the batch, as in the paper
        doublings: int | None = None  # 5, 6 and 7 are "normal", "more" and "most"; none: 5, or fewer of small images
        width: int = 64  # channels of the generator's largest maps
        hidden: int = 128  # channels of what each norm sees in the map
        encoder_width: int = 64  # channels of the encoder's largest maps
        scales: int = 2  # sizes at which images are judged
        patch_layers: int = 3  # 1, 2, 3, 4, 5: patches of 16, 34, 70, 142, 286 pixels
        discriminator_width: int = 64  # channels of the discriminators' largest maps
        optim: Optim = Adam(lr=1e-4, betas=(0.0, 0.9))  # of the generator and the encoder
        discriminator_optim: OwnOptim = Adam(lr=4e-4, betas=(0.0, 0.9))  # of the discriminator: TTUR

        def __post_init__(self) -> None:
            super().__post_init__()
            few(scales=self.scales, patch_layers=self.patch_layers)
            sizes = ("z_dim", "width", "hidden", "encoder_width", "scales", "patch_layers", "discriminator_width")
            least = {"matching_weight": 0, "kl_weight": 0, "doublings": 1} | dict.fromkeys(sizes, 1)
            at_least(self, least)
            if (self.doublings or 0) > 7 or (self.doublings == 7 and self.width % 2):
                raise UsageError(f"doublings is at most 7, and then width is even; not {self.doublings}, {self.width}")

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

    def style(self, image: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """z of true images [N, C, H, W], with the encoder's doubts, and what it pays for them. None without encoder.

        The divergence is summed over the whole batch, whose parts' losses are averaged.
        """
        if not self.options.encoder:
            return None, None
        mean, log_var = map(full, self.encoder(image))
        each = divergence(mean, log_var)
        self.note(kl=each.mean())
        kl = self.options.kl_weight * each.sum() * rng.shares() if self.options.kl_weight else None
        return reparametrise(mean, log_var)[0], kl

    def judged(self, seen: Tensor, image: Tensor, fake: Tensor) -> tuple[Maps, Maps, Context]:
        """What the discriminators make of true images and of fakes, each beside its map, in one batch of both."""
        real, drawn = torch.cat((seen, image), 1), torch.cat((seen, fake), 1)
        both = self.discriminator(self.seen(torch.cat((drawn, real))))
        of_fake, of_real = ([[x.chunk(2)[half] for x in maps] for maps in both] for half in (0, 1))
        return of_real, of_fake, Context.of(self.score, real, drawn, logits_of(of_real), logits_of(of_fake))

    def adversarial(self, player: Literal["generator", "discriminator"], real: Maps, fake: Maps) -> Tensor:
        """The mean over the scales."""
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
        """In the style of the images under "style", without doubts; without them in one that is drawn."""
        self.way("a", to)
        seen, z = self.seen_of(batch), None
        if self.options.encoder and "style" in batch:
            z = self.encoder(batch["style"].to(self.dtype))[0].expand(len(seen), -1)
        elif self.options.encoder:
            z = rng.randn(len(seen), self.options.z_dim, device=self.device).to(self.dtype)
        return self.generator(seen, z)
