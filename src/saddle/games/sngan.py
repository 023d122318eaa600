"""SNGAN. Spectral Normalization for Generative Adversarial Networks. Miyato et al., 2018. https://arxiv.org/abs/1802.05957

Every weight matrix of the discriminator is divided by its largest singular value, so that no layer stretches what it
sees: the discriminator is 1-Lipschitz without a penalty, for the price of one power iteration a step (Eq. 8,
Algorithm 1). Hinge losses (Eq. 16, 17), and the ResNet of Table 4. As in the authors' code, the generator's step is of
twice as many samples as the discriminator's.
"""

from dataclasses import dataclass
from typing import Annotated

from ..base.settings import Before
from ..losses import AdversarialLoss, Hinge
from ..nets.network import Network
from ..nets.sngan import SNResNet
from ..optim import Adam, Linear, Optim
from ._two_player import TwoPlayer


class SNGAN(TwoPlayer):
    in_short = "Spectral normalisation makes the discriminator 1-Lipschitz without a penalty."
    group = "draw"

    @dataclass(frozen=True)
    class Options(TwoPlayer.Options):
        z_dim: int = 128  # numbers in a latent
        network: Network = SNResNet()  # the architecture of both players
        loss: AdversarialLoss = Hinge()  # what both players make of the logits
        discriminator_steps: int = 5  # n_dis: the discriminator's steps to one of the generator
        generator_batch: Annotated[int, Before(1)] = 2  # fakes of the generator's step to each real sample of a batch
        optim: Optim = Adam(lr=2e-4, betas=(0.0, 0.9), schedule=Linear())  # of both players

    options: Options
