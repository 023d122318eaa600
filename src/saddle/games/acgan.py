"""AC-GAN. Conditional Image Synthesis with Auxiliary Classifier GANs. Odena et al., 2017. https://arxiv.org/abs/1610.09585

The generator is given a class, the discriminator is not: a second head on its trunk predicts it. L_S = E log p(real |
x) + E log p(fake | G(z, c)) (Eq. 2) and L_C = E log p(c | x) + E log p(c | G(z, c)) (Eq. 3). The discriminator
maximises L_S + L_C, on real and on fake images. The generator maximises L_C - L_S, here in its non-saturating form.
"""

from dataclasses import dataclass
from math import prod
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import cross_entropy, log_softmax

from ..base.errors import UsageError
from ..base.formulas import times
from ..base.precision import full
from ..base.ranges import Weight
from ..context import Context
from ..nets import acgan
from ..nets.conditional import TwoHeads, features_shape
from ..nets.network import Network
from ..optim import Adam, Optim
from ..spec import DataSpec
from ..tasks import Classification
from ._two_player import TwoPlayer


class ACGAN(TwoPlayer, Classification):
    in_short = "The generator gets the class to draw, and the discriminator has to predict it."
    group = "ask"
    takes = ("image",)
    takes_conditions = ("class",)

    @dataclass(frozen=True)
    class Options(TwoPlayer.Options):
        network: Network = acgan.ACGAN()  # the architecture of both players
        conditional: bool = True  # give the generator the class of each sample
        class_weight: Weight = 1.0  # factor on the discriminator's loss of classes
        generator_class_weight: Weight = 1.0  # factor on the generator's; much of it costs variety
        optim: Optim = Adam(lr=2e-4)  # of both players

        def __post_init__(self) -> None:
            super().__post_init__()
            if not self.conditional:
                raise UsageError("acgan is conditional: its generator is given a class; take dcgan for none")

    options: Options

    def build_discriminator(self, data: DataSpec) -> nn.Module:
        network = self.options.network
        discriminator = network.discriminator(data.unconditional())
        units = prod(features_shape(discriminator, data))
        return TwoHeads(discriminator, nn.Sequential(nn.Flatten(), network.class_head(units, len(data.classes))))

    def formulas(self, player: str) -> dict[str, str]:
        o = self.options
        of_both = {
            "discriminator": times(o.class_weight, "(-log p(c | x) - log p(c | G(z, c)))"),
            "generator": times(o.generator_class_weight, "-log p(c | G(z, c))"),
        }
        return super().formulas(player) | {"classes": of_both[player]}

    def extras(self, player: str, context: Context, duel: int = 0) -> dict[str, Any]:
        return super().extras(player, context, duel) | {"classes": self.class_loss(player, context)}

    def class_loss(self, player: str, context: Context) -> Tensor:
        """-L_C, [], as far as it depends on the player: of real and fake images for the discriminator."""
        assert context.label is not None
        assert context.fake_output is not None
        of_fake = cross_entropy(self.classes(context.fake_output.features), context.label)
        if player == "generator":
            return self.options.generator_class_weight * of_fake
        assert context.real_output is not None
        of_real = cross_entropy(self.classes(context.real_output.features), context.label)
        return self.options.class_weight * (of_real + of_fake)

    def classes(self, features: Tensor) -> Tensor:
        """Logits of the classes, [N, K], of features [N, F]."""
        return full(self.discriminator.second(features))

    def classify(self, image: Tensor) -> Tensor:
        return log_softmax(self.classes(self.discriminator(image).features), 1)  # without the views
