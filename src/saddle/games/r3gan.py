"""R3GAN. The GAN is dead; long live the GAN! A Modern GAN Baseline. Huang et al., 2024. https://arxiv.org/abs/2501.05441

A loss that needs no tricks: each fake is judged against a real sample, pair by pair. The discriminator's gradient is
pulled to zero at both, in every round: L_D = E softplus(C(G(z)) - C(x)) + γ/2 E(‖∇C(x)‖² + ‖∇C(G(z))‖²). With that, a
modern network without normalisation trains stably. Learning rate, β₂ and γ go from first to last on a cosine. The
defaults are those of CIFAR-10, except for its augmentation, which is `--game.views ADA`.
"""

from dataclasses import dataclass

from ..losses import AdversarialLoss, RelativisticPairing
from ..nets import r3gan
from ..nets.network import Network
from ..optim import Adam, Cosine, Optim
from ..penalties import R1, R2, Penalty
from ._two_player import TwoPlayer


class R3GAN(TwoPlayer):
    in_short = "A loss of pairs and two gradient penalties train a modern network without tricks."
    group = "draw"

    @dataclass(frozen=True)
    class Options(TwoPlayer.Options):
        z_dim: int = 64  # numbers in a latent
        network: Network = r3gan.R3GAN()  # the architecture of both players
        loss: AdversarialLoss = RelativisticPairing()  # adversarial loss
        penalties: tuple[Penalty, ...] = (  # γ / 2 on the squared gradient at real and at fake samples
            R1(weight=0.05, schedule=Cosine(end=0.1), shared=True),
            R2(weight=0.05, schedule=Cosine(end=0.1), shared=True),
        )
        optim: Optim = Adam(schedule=Cosine(end=0.25), betas=(0.0, 0.9), beta_2=Cosine(0.9, 0.99))  # of both players

    options: Options
