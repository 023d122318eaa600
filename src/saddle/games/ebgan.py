"""EBGAN. Energy-Based Generative Adversarial Networks. Zhao et al., 2016. https://arxiv.org/abs/1609.03126

The discriminator gives an energy, the error of an autoencoder's reconstruction. It lowers the energy of data, and
raises that of fakes until it is above a margin (Eq. 1, 2). The pull-away term keeps the codes of a batch of fakes apart
(Section 2.4). Network and margin are those for CelebA at 64×64.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ..auxiliaries import Auxiliary, PullAway
from ..base.ranges import ShareBelowOne
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
        loss: AdversarialLoss = EnergyMargin(margin=20.0)  # adversarial loss, of energies
        auxiliaries: tuple[Auxiliary, ...] = (PullAway(),)  # further losses, from the autoencoder's code
        pretraining: ShareBelowOne = 0.0  # share of the run in which the autoencoder learns alone, to reconstruct data

    options: Options

    def has_staged(self, progress: float) -> bool:
        return 0 < self.options.pretraining <= progress

    def formulas(self, player: str) -> dict[str, str]:
        alone = player == "discriminator" and self.options.pretraining > 0
        return super().formulas(player) | ({"reconstruction": "E(x)"} if alone else {})

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        if self.progress < self.options.pretraining:
            yield Move("discriminator", reconstruction=-self.discriminate(next(batches)["image"]).logits.mean())
        else:
            yield from super().round(batches)
