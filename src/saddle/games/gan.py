"""GAN. Generative Adversarial Networks. Goodfellow et al., 2014. https://arxiv.org/abs/1406.2661

The first: a discriminator learns to tell samples from data, a generator to deceive it (Eq. 1), in turn (Algorithm 1).
The generator's loss is the non-saturating one of Section 3; `Minimax` is that of Eq. 1. Settings of the MNIST code.
"""

from dataclasses import dataclass

from torch import Tensor

from ..nets.maxout import Maxout
from ..nets.network import Network
from ..optim import SGD, Exponential, Linear, Optim, OwnOptim
from ..tasks import Prior
from ._two_player import TwoPlayer

DECAY = Exponential(factor=1 / 1.000004, floor=1e-5)  # of the learning rate, from 0.1 to 1e-6
MOMENTUM = Linear(start=0.5, end=0.7)


class GAN(TwoPlayer):
    in_short = "The first GAN: a discriminator tells samples from data, and a generator deceives it."
    group = "draw"

    @dataclass(frozen=True)
    class Options(TwoPlayer.Options):
        prior: Prior = "uniform"  # distribution of a number of z: uniform with variance 1, or normal
        network: Network = Maxout()  # the architecture of both players
        optim: Optim = SGD(lr=0.1, schedule=DECAY, momentum=MOMENTUM)  # of the generator
        discriminator_optim: OwnOptim = SGD(lr=0.05, schedule=DECAY, momentum=MOMENTUM)  # the code halves its loss

    options: Options

    def uniform(self, *shape: int) -> Tensor:
        """Numbers in [-√3, √3], of variance 1."""
        return super().uniform(*shape) * 3**0.5
