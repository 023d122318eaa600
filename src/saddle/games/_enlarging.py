"""What games have in common that enlarge images and compare them with true ones in features too."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from ..base.formulas import times, weighed
from ..base.ranges import Weight
from ..context import Context
from ..nets.scales import MATCHED, matching
from ._adversarial import OF_IMAGES, Adversarial, Duel
from ._perceived import Perceived
from ._restoring import Restoring


class Enlarging(Perceived, Restoring, Adversarial):
    """A game says how far pixels are `apart`; its outputs have the discriminator's maps, logits last, for features."""

    moves_latents = False

    @dataclass(frozen=True)
    class Options(Perceived.Options, Restoring.Options, Adversarial.Options):
        adversarial_weight: Weight = 1e-3  # of the generator's adversarial loss
        matching_weight: Weight = 0.1  # of the distance in the discriminator's maps, where `perceptual` is none
        pixel_weight: Weight = 0.0  # of the distance of pixels in the second stage too

    options: Options

    def parts(self) -> tuple[Any, ...]:
        return self.criterion, *super().parts()

    @abstractmethod
    def apart(self, made: Tensor, real: Tensor) -> Tensor:
        """The distance of pixels, [], of images made and real, both [N, C, H, W]: what the first stage goes down."""

    letters: ClassVar[dict[str, str]] = Perceived.letters | Adversarial.letters | OF_IMAGES

    def formulas(self, player: str) -> dict[str, str]:
        told, o = super().formulas(player), self.options
        if player != "generator" or self.first_share == 1:
            return told
        matched = o.matching_weight if self.matches else None
        told |= weighed(matching=(matched, MATCHED), pixels=(o.pixel_weight, self.gap))
        return told

    def judgement(self, duel: Duel, side: str) -> dict[str, str]:
        assert self.criterion
        weight, loss = self.options.adversarial_weight if side == "generator" else 1.0, self.criterion
        assert loss is not None
        return {"adversarial": times(weight, loss.formula(side))}

    @property
    def matches(self) -> bool:
        """Are images compared in the discriminator's own maps?"""
        return self.features is None and self.options.matching_weight > 0

    def content(self, context: Context) -> dict[str, Any]:
        """How images that were made differ from the true ones, by name; None where nobody asks."""
        o, real, made = self.options, context.real_output, context.fake_output
        maps = (
            o.matching_weight * matching([real.features], [made.features]) if real and made and self.matches else None
        )
        pixels = o.pixel_weight * self.apart(context.fake, context.real) if o.pixel_weight else None
        return {"perceptual": self.perceived(context.fake, context.real), "matching": maps, "pixels": pixels}
