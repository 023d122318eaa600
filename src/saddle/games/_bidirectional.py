"""Games whose discriminator judges pairs: an image with its code, found by the encoder, against a code with its image.

Donahue et al., 2016, Section 3. https://arxiv.org/abs/1605.09782
"""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..base.precision import full
from ..losses import AdversarialLoss, NonSaturating
from ..nets.bigan import DensePairs
from ..nets.joint import JointNetwork
from ..optim import Adam, Geometric, Optim
from ..spec import Batch, DataSpec
from ..tasks import Move
from ._coded import Coded


class Bidirectional(Coded):
    """Encoder and generator take their steps together, against a discriminator of pairs (x, code)."""

    @dataclass(frozen=True)
    class Options(Coded.Options):
        z_dim: int = 50  # numbers in a latent
        network: JointNetwork = DensePairs()  # the architecture of all three players
        loss: AdversarialLoss = NonSaturating()  # what the players make of the logits
        optim: Optim = Adam(lr=2e-4, weight_decay=2.5e-5, schedule=Geometric(begin=0.5))  # of all players

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        network = self.options.network
        self.generator = network.generator(self.code_dim, data)
        self.encoder = network.encoder(self.encoder_outputs, data)
        self.discriminator = network.discriminator(self.code_dim, data)

    @property
    def encoder_outputs(self) -> int:
        """Numbers that the encoder makes of an image."""
        return self.code_dim

    @abstractmethod
    def infer(self, batch: Batch) -> tuple[Tensor, dict[str, Any]]:
        """The codes [N, code_dim] of a batch's images as the discriminator sees them, and the encoder's own losses."""

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        loss, batch = self.options.loss.at(self.progress), next(batches)
        real = batch["image"]
        z = self.noise(len(real))
        (code, own), fake = self.infer(batch), self.generator(self.heard(z))

        real_logits, fake_logits = self.judge(real, code.detach()), self.judge(fake.detach(), z)
        self.note(d_real=loss.output(real_logits), d_fake=loss.output(fake_logits))
        yield Move("discriminator", adversarial=loss.discriminator(real_logits, fake_logits))

        real_logits, fake_logits = self.judge(real, code), self.judge(fake, z)
        swapped = loss.discriminator(fake_logits, real_logits)  # what D would minimise if fakes were real
        yield Move("encoder", "generator", adversarial=swapped, **own)

    def judge(self, x: Tensor, code: Tensor) -> Tensor:
        """Logits [N] of pairs, high where the image was first and the code was found."""
        return full(self.discriminator(x, self.heard(code)))
