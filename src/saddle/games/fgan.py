"""f-GAN. Training Generative Neural Samplers using Variational Divergence Minimization. Nowozin et al., 2016.
https://arxiv.org/abs/1606.00709

Any f-divergence can be fought over: the discriminator raises a bound on it, made of the conjugate f* and an activation
g (Eq. 4 and 6, Tables 1 and 2), which the generator lowers. `loss` chooses the divergence: KL, ReverseKL, PearsonChi2,
SquaredHellinger, JensenShannon, or GANDivergence, the first GAN's. Networks of the MNIST experiment.
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
        loss: AdversarialLoss = JensenShannon()  # the divergence that the players fight over
        optim: Optim = Adam(lr=2e-4, betas=(0.5, 0.999))  # of both players

    options: Options
