"""The networks of SPADE: a generator that sees a label map at every size, an encoder of styles, and discriminators.

Park et al., 2019, Appendix A. https://arxiv.org/abs/1903.07291
"""

from functools import partial
from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu

from ..layers.init import small_xavier
from ..layers.spade import SPADE, SpadeNorm
from ..layers.spectral import spectral_norm
from .scales import Scales
from .shapes import refuse

_MOST, _USUAL = 7, 5  # doublings: the paper's "most" and its "normal" ones; "more" are 6
_COARSEST = 4  # pixels that the shorter side has where it is smallest, or more, if nobody says how often it is doubled
_LARGEST = 256  # pixels a side of what the encoder looks at, at most
_STEPS = (7, 6, 5, 4, 2, 3, 8)  # with n doublings they are before the first n of these blocks, counted from 1


class SpadeBlock(nn.Module):
    """A residual block whose norms see the map. Where its width changes, the way past it is one too (Figure 4).

    x [N, inputs, H, W], map [N, classes, H', W'] → [N, outputs, H, W]
    """

    def __init__(self, inputs: int, outputs: int, classes: int, hidden: int, norm: SpadeNorm):
        super().__init__()
        inner = min(inputs, outputs)
        self.norm_0 = SPADE(inputs, classes, hidden, norm)
        self.norm_1 = SPADE(inner, classes, hidden, norm)
        self.conv_0 = nn.Conv2d(inputs, inner, 3, 1, 1)
        self.conv_1 = nn.Conv2d(inner, outputs, 3, 1, 1)
        self.learned = inputs != outputs
        if self.learned:
            self.norm_s = SPADE(inputs, classes, hidden, norm)
            self.conv_s = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor, m: Tensor) -> Tensor:
        past = self.conv_s(self.norm_s(x, m)) if self.learned else x
        inner = self.conv_0(leaky_relu(self.norm_0(x, m), 0.2))
        return past + self.conv_1(leaky_relu(self.norm_1(inner, m), 0.2))

    def spectral(self) -> None:
        for conv in (self.conv_0, self.conv_1, *([self.conv_s] if self.learned else [])):
            spectral_norm(conv)


class SpadeGenerator(nn.Module):
    """A map [N, classes, H, W], and with an encoder z [N, z_dim] → images [N, outputs, H, W] in [-1, 1].

    Blocks of 16, 16, 16, 8, 4, 2, 1 times `width` channels; it begins with the map at its smallest size or, if there is
    a z, with that. 91,969,731 + 29,952 · classes parameters for images of 256 pixels, with z 108,811,459 + 20,736 ·
    classes. Spectrally normalised are the blocks' own convolutions, not those that look at the map.
    """

    def __init__(
        self,
        classes: int,
        outputs: int,
        size: tuple[int, int],
        doublings: int,
        width: int = 64,
        hidden: int = 128,
        norm: SpadeNorm = "instance",
        z_dim: int = 0,
    ):
        super().__init__()
        self.doublings, self.z_dim = doublings, z_dim
        self.grid = size[0] >> doublings, size[1] >> doublings
        widths = [16 * width, *(share * width for share in (16, 16, 16, 8, 4, 2, 1))]
        widths += [width // 2] if doublings == _MOST else []
        if z_dim:
            self.start: nn.Module = nn.Linear(z_dim, widths[0] * self.grid[0] * self.grid[1])
        else:
            self.start = nn.Conv2d(classes, widths[0], 3, 1, 1)
        self.blocks = nn.ModuleList(SpadeBlock(a, b, classes, hidden, norm) for a, b in pairwise(widths))
        self.last = nn.Conv2d(widths[-1], outputs, 3, 1, 1)
        small_xavier(self)  # before the spectral norm: afterwards weights are computed
        for block in self.blocks:
            block.spectral()  # type: ignore[operator]

    def forward(self, m: Tensor, z: Tensor | None = None) -> Tensor:
        x = self.beginning(m, z)
        for place, block in enumerate(self.blocks, start=1):
            if place in _STEPS[: self.doublings]:
                x = interpolate(x, scale_factor=2.0, mode="nearest")
            x = block(x, m)
        return self.last(leaky_relu(x, 0.2)).tanh()

    def beginning(self, m: Tensor, z: Tensor | None) -> Tensor:
        """The smallest maps, [N, 16 · width, h, w], for maps m [N, classes, H, W] and z [N, z_dim].

        What z gives is stretched for images of another size.
        """
        grid = m.shape[2] >> self.doublings, m.shape[3] >> self.doublings
        if z is None:
            return self.start(interpolate(m, grid, mode="nearest"))
        x = self.start(z).unflatten(1, (-1, *self.grid))
        return x if grid == self.grid else interpolate(x, grid, mode="bilinear")


def doublings(height: int, width: int, asked: int | None = None) -> int:
    """How often SPADE doubles its maps: as given, or the paper's 5 times, fewer where less than 4 pixels were left.

    UsageError unless both sides halve so often evenly, and 2 pixels are left or more.
    """
    fits = partial(_fits, asked)
    if not fits(height, width):
        why = f"sides must halve evenly {asked} times and leave 2 pixels or more (game.doublings)"
        refuse("SPADE", height, width, fits, why if asked else "sides must be even, and 8 pixels or more")
    return asked or _evenly(height, width)


def _evenly(height: int, width: int) -> int:
    possible = range(1, _USUAL + 1)
    return max(
        (n for n in possible if height % 2**n == width % 2**n == 0 and min(height, width) >> n >= _COARSEST), default=0
    )


def _fits(asked: int | None, height: int, width: int) -> bool:
    if asked:
        return height % 2**asked == width % 2**asked == 0 and min(height, width) >> asked >= 2
    return _evenly(height, width) > 0


class StyleEncoder(nn.Module):
    """Images [N, C, H, W] → what their styles are like: mean μ and log σ² of z, [N, z_dim] each.

    Convolutions halve the image until its shorter side has 4 to 7 pixels. Images above 256 are looked at in that size,
    and all others in that of the training. 10,463,424 parameters for 256 pixels and 3 channels; the authors' code fits
    no image below 256, for it leaves out a layer and still enlarges the image.
    """

    def __init__(self, shape: tuple[int, int, int], z_dim: int = 256, width: int = 64):
        super().__init__()
        channels, *sides = shape
        self.size = sides = [min(side, _LARGEST) for side in sides]
        layers: list[nn.Module] = []
        while min(sides) >= 2 * _COARSEST:
            wide = width * min(2 ** (len(layers) // 3), 8)
            layers += [nn.Conv2d(channels, wide, 3, 2, 1, bias=False), nn.InstanceNorm2d(wide), nn.LeakyReLU(0.2)]
            channels, sides = wide, [(side + 1) // 2 for side in sides]
        self.layers = nn.Sequential(*layers)
        self.mean = nn.Linear(channels * sides[0] * sides[1], z_dim)
        self.log_variance = nn.Linear(channels * sides[0] * sides[1], z_dim)
        small_xavier(self)
        spectral_norm(self.layers)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if list(x.shape[2:]) != self.size:
            x = interpolate(x, self.size, mode="bilinear", antialias=True)
        features = self.layers(x).flatten(1)
        return self.mean(features), self.log_variance(features)


def spade_judges(shape: tuple[int, int, int], scales: int, layers: int, width: int) -> Scales:
    """pix2pixHD's discriminators, with spectral norm on convolutions that a norm follows, and no bias there.

    5,527,682 + 2,048 · classes parameters of two scales with 3 layers for images of 3 channels beside their maps.
    """
    judges = small_xavier(Scales(shape, scales, layers, width, biased=False))
    for judge in judges:
        for layer, after in pairwise(judge.children()):
            if isinstance(after, nn.InstanceNorm2d):
                spectral_norm(layer)
    return judges
