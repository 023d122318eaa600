"""SRResNet, which enlarges images. Ledig et al., 2017, Figure 4. https://arxiv.org/abs/1609.04802"""

from typing import Literal

from torch import Tensor, nn
from torch.nn.functional import interpolate

from ..base.errors import UsageError, some
from ..layers.init import as_nearest
from ..layers.norm import BatchNorm2d

FACTORS = {2: (2,), 3: (3,), 4: (2, 2), 8: (2, 2, 2)}  # by which an image is enlarged, one after the other
Skip = Literal["none", "nearest", "bicubic"]


class SRResNet(nn.Module):
    """Images [N, inputs, h, w] in [-1, 1] → images [N, outputs, times·h, times·w], about as far.

    The paper's small images lie in [0, 1] and its large ones in [-1, 1]: the small ones are brought to [0, 1] in here,
    so that the zeros around them are black. All convolutions have biases, the last one no activation. PReLUs have one
    slope each, or one for every channel. With a `skip` it adds to the small image, enlarged so, from which it starts.
    1,401,749 parameters for ×2, 1,586,389 for ×3, 1,549,462 for ×4 and 1,697,175 for ×8, with 16 blocks and colours.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        times: int,
        blocks: int = 16,
        width: int = 64,
        slope_per_channel: bool = False,
        icnr: bool = False,
        skip: Skip = "none",
    ):
        super().__init__()
        if skip != "none" and inputs != outputs:
            raise UsageError(
                f"game.skip {skip} adds to the enlarged image, and here {inputs} channels become {outputs}; choose none"
            )
        slopes = width if slope_per_channel else 1
        self.times, self.skip = times, skip
        self.first = nn.Sequential(nn.Conv2d(inputs, width, 9, padding=4), nn.PReLU(slopes))
        self.body = nn.Sequential(
            *(Block(width, slopes) for _ in range(blocks)), nn.Conv2d(width, width, 3, padding=1), BatchNorm2d(width)
        )
        self.up = nn.Sequential(*(_enlarge(width, factor, slopes, icnr) for factor in factors(times)))
        self.last = nn.Conv2d(width, outputs, 9, padding=4)
        if skip != "none":
            nn.init.zeros_(self.last.weight)
            nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        first = self.first((x + 1) / 2)
        y = self.last(self.up(first + self.body(first)))
        return y if self.skip == "none" else y + interpolate(x, scale_factor=self.times, mode=self.skip)


class Block(nn.Module):
    """x + f(x), f two convolutions with batch norm: [N, C, H, W] → same shape."""

    def __init__(self, width: int, slopes: int = 1):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1),
            BatchNorm2d(width),
            nn.PReLU(slopes),
            nn.Conv2d(width, width, 3, padding=1),
            BatchNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


def factors(times: int) -> tuple[int, ...]:
    """By which images are enlarged one after the other, to be `times` as large. UsageError except for 2, 3, 4 and 8."""
    if times not in FACTORS:
        there = f"{times} times as many rows" if times > 1 else "no more rows than their small ones"
        raise UsageError(
            f"SRResNet enlarges by {some(map(str, FACTORS))}, and the whole images of these data have {there}; choose "
            "another --data.times, or other images"
        )
    return FACTORS[times]


def reach(times: int, blocks: int) -> int:
    """How far, in pixels of the small image, a pixel of the large one looks to each side: 40 for ×4 and 16 blocks."""
    far = 4  # the last convolution, in pixels of the large image
    for factor in reversed(factors(times)):
        far = -(-far // factor) + 1  # of the pixel that lies worst in its place
    return far + 1 + 2 * blocks + 4


def _enlarge(width: int, factor: int, slopes: int, icnr: bool) -> nn.Sequential:
    convolution = nn.Conv2d(width, width * factor**2, 3, padding=1)
    start = as_nearest(convolution, factor) if icnr else convolution
    return nn.Sequential(start, nn.PixelShuffle(factor), nn.PReLU(slopes))
