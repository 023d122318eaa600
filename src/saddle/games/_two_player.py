"""The alternating game of Goodfellow et al. (2014), Algorithm 1, for any network, loss and penalty."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import UsageError
from ..game import Move, Synthesis
from ..losses import AdversarialLoss, NonSaturating
from ..nets import dcgan
from ..nets.network import Network
from ..optim import Optim
from ..penalties import Penalty
from ..precision import full
from ..spec import Batch, DataSpec


class TwoPlayer(Synthesis):
    """One generator against one discriminator. Final games choose the options' defaults."""

    takes_points = True  # if the network does

    @dataclass(frozen=True)
    class Options(Synthesis.Options):
        network: Network = dcgan.DCGAN()  # the architecture of both players
        loss: AdversarialLoss = NonSaturating()  # what both players make of the logits
        penalty: Penalty | None = None  # on the discriminator
        discriminator_steps: int = 1  # the discriminator's steps to one of the generator
        fresh_fakes: bool = True  # draw new noise for the generator's step, or let it answer for the fakes just judged
        discriminator_optim: Optim | None = None  # where it differs, as in TTUR

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.discriminator_steps < 1:
                raise UsageError(f"discriminator_steps is at least 1, not {self.discriminator_steps}")

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        o = self.options
        self.generator = o.network.generator(o.z_dim, data)
        self.discriminator = o.network.discriminator(data)
        if o.penalty and (reason := o.penalty.forbids(self.discriminator)):
            raise UsageError(reason)

    def optim(self, player: str) -> Optim:
        own = self.options.discriminator_optim if player == "discriminator" else None
        return own or self.options.optim

    def judge(self, x: Tensor) -> Tensor:
        return full(self.discriminator(x))

    def landscape(self, points: Tensor) -> Tensor:
        return self.options.loss.output(self.judge(points))

    def steps(self) -> int:
        """How many the discriminator takes in this round."""
        return self.options.discriminator_steps

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        o, steps = self.options, self.steps()
        for step in range(steps):
            real = next(batches)["image"]
            answers = step == steps - 1 and not o.fresh_fakes
            with torch.set_grad_enabled(answers):
                fake = self.generator(self.noise(len(real)))
            real_logits, fake_logits = self.judge(real), self.judge(fake.detach())
            self.note(d_real=o.loss.output(real_logits), d_fake=o.loss.output(fake_logits))
            yield Move(
                "discriminator",
                adversarial=o.loss.discriminator(real_logits, fake_logits),
                penalty=o.penalty(self.rounds, self.judge, real, fake) if o.penalty else None,
            )

        if o.fresh_fakes:
            fake = self.generator(self.noise(len(real)))
        compared = self.judge(real) if o.loss.relativistic else None
        yield Move("generator", adversarial=o.loss.generator(compared, self.judge(fake)))
