"""Improved-GAN. Improved Techniques for Training GANs. Salimans et al., 2016. https://arxiv.org/abs/1606.03498

Five techniques that keep the two players in balance, each a setting. Feature matching (Section 3.1): auxiliaries
FeatureMatching, with adversarial_weight 0 in place of the adversarial loss. Minibatch discrimination (3.2):
network.minibatch. Historical averaging (3.3): penalties HistoricalAveraging. One-sided label smoothing (3.4):
loss.real_target. Virtual batch norm (3.5): network.norm. The defaults are the second and the fourth, on the CIFAR-10
network of the code for feature matching.

The code for minibatch discrimination differs. Images go into the discriminator with noise of deviation 0.2 in place of
dropout, it learns from 4,000 labels too, and the generator takes three steps down log(1 - D), which saturates. Here the
first layer is dropout and the generator's loss does not saturate, as Section 3.4 needs it for smooth labels.
"""

from dataclasses import dataclass

from ..losses import AdversarialLoss, NonSaturating
from ..nets.improved import Improved
from ..nets.network import Network
from ..optim import Adam, Linear, Optim
from ..tasks import Prior
from ._two_player import TwoPlayer
from ._unit_noise import UnitNoise


class ImprovedGAN(UnitNoise, TwoPlayer):
    in_short = "Five techniques keep the two players in balance, and each is a setting."
    group = "draw"

    @dataclass(frozen=True)
    class Options(TwoPlayer.Options):
        prior: Prior = "uniform"  # distribution of a number of z: uniform in [0, 1), or normal
        network: Network = Improved(minibatch="discrimination")  # the architecture of both players
        loss: AdversarialLoss = NonSaturating(real_target=0.9)  # adversarial loss
        optim: Optim = Adam(lr=3e-4, schedule=Linear(begin=2 / 3))  # of both players

    options: Options
