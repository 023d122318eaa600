"""f-GAN. Training Generative Neural Samplers using Variational Divergence Minimization. Nowozin et al., 2016.
https://arxiv.org/abs/1606.00709

A GAN for any f-divergence. The discriminator raises a lower bound on the divergence, made of the conjugate f* and an
activation g (Eq. 4 and 6, Tables 1 and 2), and the generator lowers it. `loss` chooses the divergence: KL, ReverseKL,
PearsonChi2, SquaredHellinger, JensenShannon, or GANDivergence, the first GAN's. Networks of the MNIST experiment.
"""

from dataclasses import dataclass

from ..losses import AdversarialLoss, JensenShannon
from ..nets import fgan
from ..nets.network import Network
from ..optim import Adam, Optim
from ..tasks import Prior
from ._two_player import TwoPlayer


class FGAN(TwoPlayer):
    in_short = "The generator lowers an f-divergence that you choose, such as KL or reverse KL."
    group = "draw"

    @dataclass(frozen=True)
    class Options(TwoPlayer.Options):
        prior: Prior = "uniform"  # distribution of a number of z: normal, or uniform in [-1, 1]
        network: Network = fgan.FGAN()  # the architecture of both players
        loss: AdversarialLoss = JensenShannon()  # the divergence that the players optimise
        optim: Optim = Adam(lr=2e-4, betas=(0.5, 0.999))  # of both players

    options: Options
