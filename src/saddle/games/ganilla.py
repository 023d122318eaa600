"""GANILLA. GANILLA: Generative Adversarial Networks for Image to Illustration Translation. Hicsonmez et al., 2020.
https://arxiv.org/abs/2002.05638

CycleGAN's game with another generator. Its blocks concatenate their input and their output, and a pyramid passes the
features of low layers to the end (Section 3.1), so that the content stays while the style changes. The identity loss is
that of the authors' code.
"""

from dataclasses import dataclass

from torch import nn

from ..base.errors import UsageError
from ..base.ranges import Weight
from ..nets.ganilla import MULTIPLE, SMALLEST, Ganilla
from ._cycle import CycleConsistent


class GANILLA(CycleConsistent):
    in_short = "This CycleGAN keeps the content of a photograph while it takes on another style."
    group = "unpaired"

    @dataclass(frozen=True)
    class Options(CycleConsistent.Options):
        pyramid: tuple[Weight, Weight, Weight, Weight] = (1.0, 1.0, 1.0, 1.0)
        """factors on the four layers that it joins, the deepest first"""

        def __post_init__(self) -> None:
            super().__post_init__()
            if not any(self.pyramid):
                raise UsageError(f"pyramid has a factor above 0, or nothing is left to draw from; not {self.pyramid}")

    options: Options

    def translator(self, shape: tuple[int, int, int], outputs: int) -> nn.Module:
        return Ganilla(shape, outputs, self.options.width, self.options.pyramid)

    def multiple(self, start: str, to: str) -> int:
        return MULTIPLE

    def smallest(self, start: str, to: str) -> int:
        return SMALLEST
