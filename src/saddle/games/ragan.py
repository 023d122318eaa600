"""RaGAN. The relativistic discriminator. Jolicoeur-Martineau, 2018. https://arxiv.org/abs/1807.00734

The discriminator estimates how much more real a sample is than one of the other kind, or than their average. The
generator also makes the data less real (Section 4). `loss` is RelativisticAverage (RaSGAN) or RelativisticPairing
(RSGAN), `loss.base` standard, least-squares (RaLSGAN) or hinge (RaHingeGAN). With a gradient penalty: `--game.penalties
GradientPenalty --game.network.critic true`. DCGAN's network, as in the experiments on CAT.
"""

from dataclasses import dataclass

from ..losses import AdversarialLoss, RelativisticAverage
from ..optim import Adam, Optim
from ._two_player import TwoPlayer


class RaGAN(TwoPlayer):
    in_short = "The discriminator judges a sample against samples of the other kind, not alone."
    group = "draw"

    @dataclass(frozen=True)
    class Options(TwoPlayer.Options):
        loss: AdversarialLoss = RelativisticAverage()  # adversarial loss
        optim: Optim = Adam(lr=2e-4, betas=(0.5, 0.999))  # of both players

    options: Options
