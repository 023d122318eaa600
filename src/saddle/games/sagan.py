"""SAGAN. Self-Attention Generative Adversarial Networks. Zhang et al., 2019. https://arxiv.org/abs/1805.08318

In each network, one attention layer connects every place of the image with all others, so that distant details can
agree (Eq. 1 to 3). Spectral norm is in the generator too, and learning rates of 4 to 1 replace five steps of the
discriminator (Section 4). Conditional batch norm, projection and hinge losses are as in Miyato & Koyama, 2018.
"""

from dataclasses import dataclass

from ..losses import AdversarialLoss, Hinge
from ..nets import sagan
from ..nets.network import Network
from ..optim import Adam, Optim, OwnOptim
from ._two_player import TwoPlayer


class SAGAN(TwoPlayer):
    in_short = "Self-attention lets every place of an image look at all the others."
    group = "ask"

    @dataclass(frozen=True)
    class Options(TwoPlayer.Options):
        z_dim: int = 128  # numbers in a latent
        network: Network = sagan.SAGAN()  # the architecture of both players
        conditional: bool = True  # give both players the class of each sample
        loss: AdversarialLoss = Hinge()  # adversarial loss
        optim: Optim = Adam(lr=1e-4, betas=(0.0, 0.9))  # of the generator
        discriminator_optim: OwnOptim = Adam(lr=4e-4, betas=(0.0, 0.9))  # of the discriminator: TTUR

    options: Options
