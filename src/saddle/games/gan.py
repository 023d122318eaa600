"""GAN. Generative Adversarial Networks. Goodfellow et al., 2014. https://arxiv.org/abs/1406.2661

The first: a discriminator learns to tell samples from data, a generator to deceive it (Eq. 1), in turn (Algorithm 1).
The generator's loss is the non-saturating one of Section 3; `Minimax` is that of Eq. 1. Settings of the MNIST code.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from ..nets.maxout import Maxout
from ..nets.network import Network
from ..optim import SGD, Exponential, Linear, Optim, OwnOptim
from ..spec import Batch
from ..tasks import Move, Prior
from ._two_player import TwoPlayer

DECAY = Exponential(factor=1 / 1.000004, floor=1e-5)  # of the learning rate, from 0.1 to 1e-6
MOMENTUM = Linear(start=0.5, end=0.7)
OF_ALGORITHM_1 = {
    *["z_dim", "prior", "network", "loss", "discriminator_steps", "optim", "discriminator_optim", "unroll_lr"]
}  # settings


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

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        """Algorithm 1: k steps of the discriminator, then one of the generator."""
        if not self.plain:
            yield from super().round(batches)
            return
        loss = self.options.loss.at(self.progress)
        for _ in range(self.steps()):  # k
            real = next(batches)["image"]
            with torch.no_grad():
                fake = self.decode(self.noise(len(real)))
            of_real, of_fake = (self.discriminate(x).logits for x in (real, fake))
            self.note(d_real=loss.output(of_real), d_fake=loss.output(of_fake))
            yield Move("discriminator", adversarial=loss.discriminator(of_real, of_fake))
        of_fake = self.discriminate(self.decode(self.noise(len(real)))).logits
        yield Move("generator", adversarial=loss.generator(None, of_fake))

    @property
    def plain(self) -> bool:
        """Does nothing in a slot add to a move of Algorithm 1? All else is the family's round."""
        others = [field for field in fields(TwoPlayer.Options) if field.name not in OF_ALGORITHM_1]
        empty = all(getattr(self.options, field.name) == field.default for field in others)
        return empty and not self.options.loss.relativistic

    limits = (-(3**0.5), 3**0.5)

    def uniform(self, *shape: int) -> Tensor:
        """Numbers in [-√3, √3], of variance 1."""
        return super().uniform(*shape) * 3**0.5
