"""f-AnoGAN. Fast Unsupervised Anomaly Detection with Generative Adversarial Networks. Schlegl et al., 2019.
https://doi.org/10.1016/j.media.2019.01.010

A WGAN-GP learns normal images and then does not change. An encoder learns to infer at once the latent that AnoGAN
searches for. It minimises mean (x - G(E(x)))² + κ mean (f(x) - f(G(E(x))))², where f is the map before the critic's
last layer (izi_f). The same expression of a new image is its score. Without f the game is izi; ziz trains E on z → G(z)
→ z instead. Settings of the authors' code, where E ends in tanh although z is normal.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from ..base.formulas import weighed
from ..base.precision import full
from ..base.ranges import OpenShare, Weight
from ..layers.search import at_rest
from ..losses import AdversarialLoss, Wasserstein
from ..nets import f_anogan
from ..optim import Adam, Optim, RMSprop
from ..penalties import GradientPenalty, Penalty
from ..spec import Batch, DataSpec
from ..tasks import Detection, Finding, Move
from ._two_player import TwoPlayer


class FAnoGAN(Detection, TwoPlayer):
    in_short = "An encoder for a trained WGAN-GP tells at once how unusual an image is, and where."
    group = "detect"
    start_here = True
    takes = ("image",)
    averaged = ("generator", "encoder")
    forbidden: ClassVar[dict[str, str]] = {
        "conditional": "an image to be judged has no label, so f-anogan takes none; leave out game.conditional"
    }

    @dataclass(frozen=True)
    class Options(TwoPlayer.Options):
        z_dim: int = 128  # numbers in a latent
        network: f_anogan.FAnoGAN = f_anogan.FAnoGAN()  # the architecture of all three players
        loss: AdversarialLoss = Wasserstein()  # adversarial loss
        penalties: tuple[Penalty, ...] = (GradientPenalty(weight=10.0),)  # on the critic
        discriminator_steps: int = 5  # n_critic: the critic's steps to one of the generator
        optim: Optim = Adam(lr=1e-4, betas=(0.0, 0.9))  # of generator and critic
        encoder: Literal["izi_f", "izi", "ziz"] = "izi_f"  # the encoder's loss, which is also the score of an image
        encoder_share: OpenShare = 0.5  # share of the run, at its end, in which the encoder learns and nobody else
        encoder_optim: Optim = RMSprop(lr=5e-5)  # of the encoder
        feature_weight: Weight = 1.0  # κ: weight of the critic's features beside the pixels

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        self.encoder = self.options.network.encoder(self.options.z_dim, data)

    def asks_features(self) -> bool:
        return self.options.encoder == "izi_f" and self.options.feature_weight > 0

    def has_staged(self, progress: float) -> bool:
        return progress >= 1 - self.options.encoder_share

    @property
    def ready(self) -> bool:
        """The encoder, which finds what is unusual, learns in the last stage alone."""
        return self.has_staged(self.progress)

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        if not self.has_staged(self.progress):
            yield from super().round(batches)
            return
        image = next(batches)["image"]
        if self.options.encoder == "ziz":
            z = self.noise(len(image))
            with torch.no_grad(), at_rest(self.generator):
                image = self.decode(z)
            yield Move("encoder", code=(full(self.encoder(image)) - z).square().mean())
            return
        with at_rest(self.generator, self.discriminator):  # the encoder's batch norm alone learns
            parts = self.compared(image, self.decode(self.encoder(image)))
        feature = parts.get("feature")
        yield Move(
            "encoder",
            residual=parts["residual"].mean(),
            feature=None if feature is None else self.options.feature_weight * feature.mean(),
        )

    letters: ClassVar[dict[str, str]] = TwoPlayer.letters | {"E(x)": "the latent that the encoder finds"}

    def formulas(self, player: str) -> dict[str, str]:
        if player != "encoder":
            return super().formulas(player)
        if self.options.encoder == "ziz":
            return {"code": "‖E(G(z)) - z‖²"}
        feature = self.options.feature_weight if self.asks_features() else None
        return weighed(
            residual=(1.0, "‖G(E(x)) - x‖²"),
            feature=(feature, "‖f(G(E(x))) - f(x)‖², f the map before the critic's last layer"),
        )

    def compared(self, image: Tensor, again: Tensor) -> dict[str, Tensor]:
        """Mean squared differences of images, both [N, C, H, W], and for izi_f of their features, by name: [N] each."""
        parts = {"residual": (full(again) - image).square().flatten(1).mean(1)}
        if self.asks_features():
            apart = self.features(again) - self.features(image)  # type: ignore[operator]
            parts["feature"] = apart.square().flatten(1).mean(1)
        return parts

    @torch.no_grad()
    def detect(self, image: Tensor) -> Finding:
        """The encoder's own expression is the score; |E(x) - E(G(E(x)))| is reported beside it, as `z_distance`."""
        with at_rest(self):
            z = self.encoder(image)
            again = self.decode(z)
            parts = self.compared(image, again)
            distance = (self.encoder(again) - z).abs().mean(1)
        score = parts["residual"] + self.options.feature_weight * parts.get("feature", torch.zeros_like(distance))
        shown = (image - again).abs().mean(1, keepdim=True)
        return Finding(score, shown, parts | {"z_distance": distance}, again)
