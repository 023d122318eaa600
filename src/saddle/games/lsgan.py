"""LSGAN. Least Squares Generative Adversarial Networks. Mao et al., 2017. https://arxiv.org/abs/1611.04076

The discriminator's outputs are pulled to targets by least squares (Eq. 2), so that fakes on the right side of the
boundary but far from the data still have a gradient. The 0-1 coding of Eq. 9; (a, b, c) = (-1, 1, 0) is that of Eq. 8.
"""

from dataclasses import dataclass

from ..losses import AdversarialLoss, LeastSquares
from ..nets import lsgan
from ..nets.network import Network
from ..optim import Adam, Optim
from ._two_player import TwoPlayer


class LSGAN(TwoPlayer):
    in_short = "Both players learn by least squares, so even a fake that passes has a gradient."
    group = "draw"

    @dataclass(frozen=True)
    class Options(TwoPlayer.Options):
        z_dim: int = 1024  # length of the latent z
        network: Network = lsgan.LSGAN()  # the architecture of both players
        loss: AdversarialLoss = LeastSquares()  # adversarial loss
        optim: Optim = Adam(lr=1e-3, betas=(0.5, 0.999))  # of both players

    options: Options
