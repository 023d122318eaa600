"""guest-points:N: N points on a line, of other people

A plugin with one of everything that a guest may bring.
"""

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn

from saddle.context import Context
from saddle.data import DataOptions, Source, Split
from saddle.data.fingerprint import fingerprint
from saddle.data.source import Judged
from saddle.games.wgan_gp import WGANGP
from saddle.losses import AdversarialLoss, NonSaturating
from saddle.metrics.evidence import Seen
from saddle.metrics.ingredients import SAMPLES
from saddle.metrics.metric import Metric
from saddle.nets.network import Discriminator, Network
from saddle.penalties import Penalty
from saddle.spec import DataSpec
from saddle.tasks import Game


@dataclass(frozen=True)
class Tilted(NonSaturating):
    slope: float = 2.0  # factor on the generator's loss

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        return self.slope * super().generator(real, fake)


@dataclass(frozen=True)
class SmallScores(Penalty):
    def measure(self, context: Context) -> Tensor:
        return context.fake_logits.square().mean()


@dataclass(frozen=True)
class Straight(Network):
    takes = ("points",)

    def generator(self, z_dim: int, data: DataSpec) -> nn.Module:
        return nn.Linear(z_dim, data.shape[0])

    def discriminator(self, data: DataSpec) -> Discriminator:
        return Discriminator(nn.Sequential(nn.Linear(data.shape[0], 8), nn.ReLU()), nn.Linear(8, 1))


class Counting(Game):
    """A task of one's own."""

    purpose = "counting"

    @abstractmethod
    def count(self) -> int:
        """How many."""


class ToyGuest(WGANGP, Counting):
    """Toy guest. The tests, 2026. A final game's subclass, which a guest may be.

    More of it.
    """

    @dataclass(frozen=True)
    class Options(WGANGP.Options):
        network: Network = Straight()  # of both players
        loss: AdversarialLoss = Tilted()  # what both make of the logits
        penalties: tuple[Penalty, ...] = (SmallScores(),)  # what keeps scores small
        discriminator_steps: int = 1  # of a round

    options: Options

    def count(self) -> int:
        return 3


def open(options: DataOptions, path: str) -> Source:
    options.allow()
    points = np.linspace(0, 1, 2 * int(path), dtype=np.float32).reshape(-1, 2)
    parts = Split({"image": points[8:]}), Split({"image": points[:8]})
    judged = Judged(early=("guest_mean",), final=("guest_mean",), samples=16)
    return Source(options.source, DataSpec.of((2,)), *parts, fingerprint(points), judged=judged)


MEANS = Seen("guest_means", of=SAMPLES, look=lambda drawn: drawn.images.flatten(1).mean(1))
METRICS = {
    "guest_mean": Metric("mean of the samples", "higher", (MEANS,), lambda e: (float(e[MEANS].mean()), 0.0)),
}
