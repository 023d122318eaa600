"""ProGAN. Progressive Growing of GANs. Karras et al., 2018. https://arxiv.org/abs/1710.10196

Training begins with 4×4 images. Every further level doubles the resolution and is faded in, in both networks and in the
real images (Section 2, Figure 2). WGAN-GP's objective has a drift term, ε C(x)² (Appendix A.1). Adam starts anew
whenever a level begins to fade in, and when it has faded in, as in the code.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..base.errors import UsageError
from ..base.ranges import PositiveShare
from ..layers.resample import enlarge, shrink
from ..losses import AdversarialLoss, Wasserstein
from ..nets import progan
from ..nets.network import Network
from ..optim import Adam, Optim
from ..penalties import Drift, GradientPenalty, Penalty
from ..spec import Batch, DataSpec
from ..tasks import Move, Sizes
from ._two_player import TwoPlayer


class ProGAN(TwoPlayer, Sizes):
    in_short = "Both networks grow during training, from images of 4×4 pixels to the full size."
    group = "draw"
    takes = ("image",)

    @dataclass(frozen=True)
    class Options(TwoPlayer.Options):
        z_dim: int = 512  # length of the latent z
        network: Network = progan.ProGAN()  # the architecture of both players; it must grow
        loss: AdversarialLoss = Wasserstein()  # adversarial loss
        penalties: tuple[Penalty, ...] = (GradientPenalty(weight=10.0), Drift(weight=0.001))  # λ and ε
        grown_at: PositiveShare = 0.8
        """share of the run after which all levels are there; the paper's 9.6 of 12 million images"""
        optim: Optim = Adam(lr=1e-3, betas=(0.0, 0.99))  # of both players

    options: Options
    generator: progan.Generator

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        if not isinstance(self.generator, progan.Generator):
            raise UsageError(f"ProGAN wants a network that grows, not {type(self.options.network).__name__}")
        self.levels = self.generator.levels
        self.grow()

    def growth(self) -> float:
        """Levels beyond the first at this progress: each fades in as long as it then is left alone."""
        whole, part = divmod(2 * (self.levels - 1) * self.progress / self.options.grown_at, 2)
        return min(whole + max(part - 1, 0), self.levels - 1)

    def grow(self) -> bool:
        """Bring both players to where they should be; True if a level begins to fade in, or has faded in."""
        self.discriminator.trunk.grow(self.growth())  # type: ignore[operator]
        return self.generator.grow(self.growth())

    def has_staged(self, progress: float) -> bool:
        return 2 * (self.levels - 1) * progress >= self.options.grown_at

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        begins = self.grow()
        for move in super().round(batch | {"image": self.show(batch["image"])} for batch in batches):
            move.forget = begins
            yield move

    def show(self, real: Tensor) -> Tensor:
        """Real images [N, C, H, W] as the generator could draw them now, [N, C, h, w].

        They have its resolution, and its newest level is faded in as far.
        """
        level, share = self.generator.stage()
        real = shrink(real, 1 << (self.levels - 1 - level))
        return real if share is None else progan.mix(enlarge(shrink(real)), real, share)

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Images of given latents; in use, those of a level that is not the last are enlarged to the full size."""
        x = super().decode(z, label)
        return x if self.training else enlarge(x, self.data.shape[1] // x.shape[2])

    @torch.no_grad()
    def pooled(self, image: Tensor) -> Tensor:
        return super().pooled(self.show(image))  # as large as the discriminator has grown

    def judged(self, x: Tensor, label: Tensor | None) -> Tensor:
        return super().judged(self.show(x), label)

    def images(self, z: Tensor, label: Tensor | None = None) -> list[Tensor]:
        """What every level draws that has grown, each at its own size."""
        return self.generator.images(z)
