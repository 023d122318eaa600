"""WGAN. Wasserstein Generative Adversarial Networks. Arjovsky et al., 2017. https://arxiv.org/abs/1701.07875

The critic estimates the Wasserstein distance of fakes from data, and the generator minimises it (Eq. 2). The critic is
trained nearly to its optimum, and kept Lipschitz by clipping its weights after each of its steps (Algorithm 1, line 7).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from ..base.ranges import PositiveFloat
from ..losses import AdversarialLoss, Wasserstein
from ..optim import Optim, RMSprop
from ..spec import Batch
from ..tasks import Move
from ._two_player import TwoPlayer


class WGAN(TwoPlayer):
    in_short = "The critic estimates the Wasserstein distance, and its weights are clipped."
    group = "draw"

    @dataclass(frozen=True)
    class Options(TwoPlayer.Options):
        loss: AdversarialLoss = Wasserstein()  # adversarial loss
        discriminator_steps: int = 5  # n_critic: the critic's steps to one of the generator
        clip: PositiveFloat = 0.01  # c: the critic's weights stay in [-c, c]
        warm_up: bool = False  # 100 critic steps in the first 25 rounds and in every 500th, as in the authors' code
        optim: Optim = RMSprop(lr=5e-5)  # of both players

    options: Options

    def steps(self) -> int:
        warm = self.options.warm_up and (self.rounds < 25 or self.rounds % 500 == 0)
        return 100 if warm else self.options.discriminator_steps

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        for move in super().round(batches):
            if "discriminator" in move.players:
                self.note(distance=self.notes["d_real"] - self.notes["d_fake"])  # up to the critic's Lipschitz constant
            yield move
            if "discriminator" in move.players:
                self.clip_weights()

    def afterwards(self, player: str) -> str | None:
        often = "; 100 of its steps in the first 25 rounds and in every 500th" * self.options.warm_up
        clip = self.options.clip
        return f"every weight is clipped to [{-clip:g}, {clip:g}]{often}" if player == "discriminator" else None

    @torch.no_grad()
    def clip_weights(self) -> None:
        """All of them, batch norm's and biases too, as in the authors' code."""
        for weight in self.discriminator.parameters():
            weight.clamp_(-self.options.clip, self.options.clip)
