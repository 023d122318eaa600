"""f-AnoGAN. Fast Unsupervised Anomaly Detection with Generative Adversarial Networks. Schlegl et al., 2019.
https://doi.org/10.1016/j.media.2019.01.010

A WGAN-GP learns normal images; then it stays as it is, and an encoder learns in one look what AnoGAN searches for. It
goes down mean (x - G(E(x)))² + κ mean (f(x) - f(G(E(x))))², f the map before the critic's last layer (izi_f), and the
same expression of a new image is its score. Without f it is izi; ziz learns E from z → G(z) → z instead. Settings of
the authors' code, where E ends in tanh although z is normal.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from ..base.errors import UsageError, at_least
from ..base.precision import full
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
        loss: AdversarialLoss = Wasserstein()  # what generator and critic make of the logits
        penalties: tuple[Penalty, ...] = (GradientPenalty(weight=10.0),)  # on the critic
        discriminator_steps: int = 5  # n_critic: the critic's steps to one of the generator
        optim: Optim = Adam(lr=1e-4, betas=(0.0, 0.9))  # of generator and critic
        encoder: Literal["izi_f", "izi", "ziz"] = "izi_f"  # what the encoder learns from, and the score is made of
        encoder_share: float = 0.5  # share of the run, at its end, in which the encoder learns and nobody else
        encoder_optim: Optim = RMSprop(lr=5e-5)  # of the encoder
        feature_weight: float = 1.0  # κ: weight of the critic's features beside the pixels

        def __post_init__(self) -> None:
            super().__post_init__()
            at_least(self, {"feature_weight": 0})
            if not 0 < self.encoder_share < 1:
                raise UsageError(f"encoder_share is a share of the run, above 0 and below 1, not {self.encoder_share}")

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

    def compared(self, image: Tensor, again: Tensor) -> dict[str, Tensor]:
        """The mean squared differences of pixels and, for izi_f, of the critic's features, by name: [N] each."""
        parts = {"residual": (full(again) - image).square().flatten(1).mean(1)}
        if self.asks_features():
            apart = self.features(again) - self.features(image)  # type: ignore[operator]
            parts["feature"] = apart.square().flatten(1).mean(1)
        return parts

    @torch.no_grad()
    def detect(self, image: Tensor) -> Finding:
        """The encoder's own expression is the score; |E(x) - E(G(E(x)))| is told beside it, as `z_distance`."""
        with at_rest(self):
            z = self.encoder(image)
            again = self.decode(z)
            parts = self.compared(image, again)
            distance = (self.encoder(again) - z).abs().mean(1)
        score = parts["residual"] + self.options.feature_weight * parts.get("feature", torch.zeros_like(distance))
        shown = (image - again).abs().mean(1, keepdim=True)
        return Finding(score, shown, parts | {"z_distance": distance}, again)
