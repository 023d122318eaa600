"""SNGAN. Spectral Normalization for Generative Adversarial Networks. Miyato et al., 2018. https://arxiv.org/abs/1802.05957

Every weight matrix of the discriminator is divided by its largest singular value. Then no layer stretches its input,
and the discriminator is 1-Lipschitz without a penalty. This costs one power iteration a step (Eq. 8, Algorithm 1).
Hinge losses (Eq. 16, 17), and the ResNet of Table 4. As in the authors' code, the generator's step is on twice as many
samples as the discriminator's, whose last layer has no bias (pfnet-research/sngan_projection,
dis_models/snresnet_32.py; with images of 64 pixels and more it has one: `--game.network.bias true`).
"""

from dataclasses import dataclass

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
        network: Network = SNResNet(bias=False)  # the architecture of both players
        loss: AdversarialLoss = Hinge()  # adversarial loss
        discriminator_steps: int = 5  # n_dis: the discriminator's steps to one of the generator
        generator_batch: int = 2  # fakes of the generator's step to each real sample of a batch
        optim: Optim = Adam(lr=2e-4, betas=(0.0, 0.9), schedule=Linear())  # of both players

    options: Options
