"""Projection. cGANs with Projection Discriminator. Miyato and Koyama, 2018. https://arxiv.org/abs/1802.05637

The discriminator takes the label in an inner product with its features, not beside the pixels. C(x, y) = l(h(x)) +
⟨v_y, h(x)⟩ is the form that the likelihood ratio of many class models has (Eq. 3, 4). The generator has conditional
batch norm. All else is SNGAN's. In the authors' code for CIFAR-10 (pfnet-research/sngan_projection,
dis_models/snresnet_32.py) l has no bias; in that for larger images it has one: `--game.network.bias true`.
"""

from dataclasses import dataclass

from ..losses import AdversarialLoss, Hinge
from ..nets.network import Network
from ..nets.sngan import SNResNet
from ..optim import Adam, Linear, Optim
from ._two_player import TwoPlayer


class Projection(TwoPlayer):
    in_short = "The discriminator compares the label with its features by an inner product."
    group = "ask"

    @dataclass(frozen=True)
    class Options(TwoPlayer.Options):
        z_dim: int = 128  # numbers in a latent
        network: Network = SNResNet(bias=False)  # the architecture of both players
        conditional: bool = True  # give both players the class of each sample
        loss: AdversarialLoss = Hinge()  # adversarial loss
        discriminator_steps: int = 5  # n_dis: the discriminator's steps to one of the generator
        generator_batch: int = 2  # fakes of the generator's step to each real sample of a batch
        optim: Optim = Adam(lr=2e-4, betas=(0.0, 0.9), schedule=Linear())  # of both players

    options: Options
