"""Energy. Wasserstein Introspective Neural Networks. Lee et al., 2017. https://arxiv.org/abs/1711.08875

There is no generator: samples come from the discriminator itself. It learns to distinguish data from negatives. Samples
are made from noise by gradient ascent of its score, and become the next negatives, together with all earlier ones
(Algorithm 1). The ascent ends at the score of data: beyond it there is only what fools the discriminator. In the
authors' code the mean score of a batch ends the ascent of all its samples. Here each sample has its own goal, drawn
from the distribution of the scores of data.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ..base.known import known, put
from ..base.ranges import Few, PositiveFloat, PositiveInt
from ..context import Context
from ..layers.ascent import ascend
from ..layers.memory import Memory
from ..losses import AdversarialLoss, Wasserstein
from ..nets import winn
from ..nets.network import Network
from ..optim import Adam, Optim
from ..penalties import GradientPenalty, Penalty
from ..spec import SAMPLES, Batch, DataSpec
from ..tasks import Move, Synthesis
from ._adversarial import Adversarial


class Energy(Adversarial, Synthesis):
    in_short = "The discriminator draws alone: samples start as noise and climb its score."
    group = "draw"
    averaged = ("discriminator",)
    takes = SAMPLES
    moves_latents = False
    companion = "goal to climb to"
    cascade: Tensor

    @dataclass(frozen=True)
    class Options(Adversarial.Options, Synthesis.Options):
        z_dim: int = (
            512  # channels of the small map of noise that an image starts from; a point starts from a normal one
        )
        network: Network = winn.WINN()  # the discriminator's architecture
        loss: AdversarialLoss = Wasserstein()  # the discriminator's; non-saturating for that of INN, logistic
        penalties: tuple[Penalty, ...] = (GradientPenalty(weight=10.0),)  # on the discriminator
        discriminator_steps: int = 15  # steps of the discriminator to one batch of new negatives
        memory: PositiveInt = 10_000  # negatives remembered
        cascades: Few = 4  # stages; sampling ascends the discriminators of all finished stages, then the current one
        climb: PositiveInt = 2000  # steps of gradient ascent that make a sample, at most
        climb_rate: PositiveFloat = 0.01  # learning rate of this ascent, by Adam
        optim: Optim = Adam(lr=1e-4, betas=(0.0, 0.9))  # of the discriminator

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        o = self.options
        self.start = winn.Starts(o.z_dim, data)
        self.discriminator = winn.Judge(o.network.discriminator(self.add_duel(data, generator=None)))
        self.past = nn.ModuleList(deepcopy(self.discriminator).requires_grad_(False) for _ in range(o.cascades - 1))
        self.register_buffer("cascade", torch.tensor(0))  # how many of them are there
        self.memory = Memory(o.memory, data.shape)
        self.check_duels()

    def parts(self) -> tuple[Any, ...]:
        return self.options.loss, *super().parts()

    def has_staged(self, progress: float) -> bool:
        return progress * self.options.cascades >= 1

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        o = self.options
        self.begin_cascade()
        self.discriminator.moments.reset()
        real = next(batches)["image"]
        fresh = self.sample(len(real))
        for step in range(self.steps()):
            real = next(batches)["image"] if step else real
            negative = self.memory.draw(len(real)).to(real) if self.memory else fresh
            real_logits, negative_logits = self.score(real), self.score(negative)
            owed = self.extras("discriminator", Context.of(self.score, real, negative, real_logits, negative_logits))
            self.note(
                d_real=real_logits, d_negative=negative_logits, distance=real_logits.mean() - negative_logits.mean()
            )
            yield Move("discriminator", adversarial=o.loss.discriminator(real_logits, negative_logits), **owed)
            self.adapt(real_logits)
        self.memory.keep(fresh)
        self.discriminator.calibrate(real)

    letters: ClassVar[dict[str, str]] = Adversarial.letters | {
        "G(z)": "a negative: where a climb of C from noise ended"
    }

    def afterwards(self, player: str) -> str | None:
        return "after the last of these steps, the new climbs of this round are remembered as negatives"

    def score(self, x: Tensor) -> Tensor:
        """The logits [N] of samples x [N, …] as the discriminator is shown them; sampling knows no views."""
        return self.discriminator(self.seen(x))

    def begin_cascade(self) -> None:
        """Where a part of the run ends, its discriminator stays behind as one that climbs pass."""
        ended, _ = self.part(self.options.cascades)
        if ended > known(self.cascade):
            self.past[ended - 1].load_state_dict(self.discriminator.state_dict())
            put(self.cascade, ended)

    def landscape(self, points: Tensor) -> Tensor:
        return self.discriminator(points)

    def noise(self, n: int, label: Tensor | None = None) -> Tensor:
        """Where a climb starts, of the prior, and where among the scores of data it ends, normal.  [n, K + 1]"""
        return self.draw_prior(n, self.start.size, beside=1)

    def _drawn(self) -> str:
        return "its samples are found by steps of gradient ascent, which no file of layers holds"

    def latent_parts(self) -> list[dict[str, Any]]:
        return self.prior_parts(self.start.size, beside=1)

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The samples where climbs from z end, [N, C, H, W] in [-1, 1] or [N, D]."""
        o, x = self.options, self.start(z[:, :-1])
        for discriminator in (*self.past[: known(self.cascade)], self.discriminator):
            goal = discriminator.mean + discriminator.std * z[:, -1]
            x = ascend(discriminator, x, goal, o.climb, o.climb_rate, (-1, 1) if self.data.is_image else None)
        return x
