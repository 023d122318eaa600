"""WGAN-GP. Improved Training of Wasserstein GANs. Gulrajani et al., 2017. https://arxiv.org/abs/1704.00028

Instead of clipped weights, a penalty pulls the norm of the critic's gradient to 1 on the lines between data and fakes
(Eq. 3, Algorithm 1). The critic has no batch norm: each sample has its own gradient (Section 4). Rates are those of
Algorithm 1, for any network. With its ResNet for CIFAR-10 the authors' code begins at twice that and falls to 0, and
its generator's step is on twice as many samples: `--game.optim.lr 2e-4 --game.optim.schedule Linear
--game.generator_batch 2`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ..losses import AdversarialLoss, Wasserstein
from ..nets.network import Network
from ..nets.resnet import ResNet
from ..optim import Adam, Optim
from ..penalties import GradientPenalty, Penalty
from ..spec import Batch
from ..tasks import Move
from ._two_player import TwoPlayer


class WGANGP(TwoPlayer):
    in_short = "A penalty on the critic's gradient takes the place of WGAN's weight clipping."
    group = "draw"

    @dataclass(frozen=True)
    class Options(TwoPlayer.Options):
        z_dim: int = 128  # numbers in a latent
        network: Network = ResNet()  # the architecture of both players
        loss: AdversarialLoss = Wasserstein()  # adversarial loss
        penalties: tuple[Penalty, ...] = (GradientPenalty(weight=10.0),)  # λ, on the critic
        discriminator_steps: int = 5  # n_critic: the critic's steps to one of the generator
        optim: Optim = Adam(lr=1e-4, betas=(0.0, 0.9))  # of both players

    options: Options

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        for move in super().round(batches):
            if "discriminator" in move.players:
                self.note(distance=self.notes["d_real"] - self.notes["d_fake"])  # an estimate of Wasserstein's
            yield move
