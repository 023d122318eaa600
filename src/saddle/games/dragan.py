"""DRAGAN. On Convergence and Stability of GANs. Kodali et al., 2017. https://arxiv.org/abs/1705.07215

Mode collapse goes with steep gradients of the discriminator around some data points. A penalty pulls the norm of the
gradient to k around the data, and only there (Algorithm 1). The loss is the first GAN's.
"""

from dataclasses import dataclass

from ..nets.dcgan import DCGAN
from ..nets.network import Network
from ..optim import Adam, Optim
from ..penalties import NearDataPenalty, Penalty
from ._two_player import TwoPlayer


class DRAGAN(TwoPlayer):
    in_short = "A penalty pulls the norm of the discriminator's gradient to a constant, near the data."
    group = "draw"

    @dataclass(frozen=True)
    class Options(TwoPlayer.Options):
        network: Network = DCGAN(critic=True)  # the architecture of both players
        penalties: tuple[Penalty, ...] = (NearDataPenalty(weight=10.0),)  # λ
        optim: Optim = Adam(lr=1e-4, betas=(0.5, 0.9))  # of both players

    options: Options
