"""EBGAN. Energy-Based Generative Adversarial Networks. Zhao et al., 2016. https://arxiv.org/abs/1609.03126

The discriminator gives an energy, the error of an autoencoder's reconstruction: low for data, and for fakes up to a
margin, beyond which they no longer concern it (Eq. 1, 2). The pull-away term keeps the codes of a batch of fakes apart
(Section 2.4). Network and margin are those for CelebA at 64×64.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ..auxiliaries import Auxiliary, PullAway
from ..base.errors import UsageError
from ..losses import AdversarialLoss, EnergyMargin
from ..nets.ebgan import ConvAutoencoder
from ..nets.network import Network
from ..spec import Batch
from ..tasks import Move
from ._two_player import TwoPlayer


class EBGAN(TwoPlayer):
    in_short = "The discriminator is an autoencoder, and its error of reconstruction is an energy."
    group = "draw"

    @dataclass(frozen=True)
    class Options(TwoPlayer.Options):
        network: Network = ConvAutoencoder()  # the architecture of both players
        loss: AdversarialLoss = EnergyMargin(margin=20.0)  # what both players make of the energies
        auxiliaries: tuple[Auxiliary, ...] = (PullAway(),)  # further losses, from the autoencoder's code
        pretraining: float = 0.0  # share of the run in which the autoencoder learns alone, to reconstruct data

        def __post_init__(self) -> None:
            super().__post_init__()
            if not 0 <= self.pretraining < 1:
                raise UsageError(
                    f"pretraining is a share of the run, at least 0 and less than 1, not {self.pretraining}"
                )

    options: Options

    def has_staged(self, progress: float) -> bool:
        return 0 < self.options.pretraining <= progress

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        if self.progress < self.options.pretraining:
            yield Move("discriminator", reconstruction=-self.discriminate(next(batches)["image"]).logits.mean())
        else:
            yield from super().round(batches)
