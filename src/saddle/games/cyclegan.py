"""CycleGAN. Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks. Zhu et al., 2017.
https://arxiv.org/abs/1703.10593

Two generators translate between the domains A and B without pairs. An image that is translated there and back must
return unchanged (Eq. 2). Discriminators judge patches, with least squares, and see a history of fakes (Section 4).
"""

from dataclasses import dataclass

from torch import nn

from ..base.ranges import Few
from ..nets.translator import MULTIPLE, SMALLEST, blocks_of, translator
from ._cycle import CycleConsistent


class CycleGAN(CycleConsistent):
    in_short = "Two folders suffice: an image that goes there and back must come back unchanged."
    group = "unpaired"
    start_here = True

    @dataclass(frozen=True)
    class Options(CycleConsistent.Options):
        blocks: Few | None = None  # residual blocks of a generator; by default 6 up to 128 pixels, else 9

    options: Options

    def translator(self, shape: tuple[int, int, int], outputs: int) -> nn.Module:
        _, height, width = shape
        return translator(shape, self.options.blocks or blocks_of(height, width), self.options.width, outputs)

    def network(self, start: str, to: str) -> nn.Module:
        return self.way_of(start, to)

    def multiple(self, start: str, to: str) -> int:
        return MULTIPLE

    def smallest(self, start: str, to: str) -> int:
        return SMALLEST
