"""One image of any size, depth and format through a game that restores, and what comes of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn

from ..base import memory, rng
from ..base.errors import SaddleError, UsageError
from ..base.ranges import NonNegativeInt, PositiveInt, Share
from ..data.options import Fit
from ..data.picture import colour, fitted, spread_colours, with_channels
from ..spec import Batch, Field
from ..tasks import Restoration
from . import room
from .asked import Beside
from .imaging import Computed, Imaging, Made, Manner, Size, padding, reflected, wrapped
from .landmarks import LANDMARKS, placed
from .original import Original
from .tilings import SENSIBLE, USUAL, Overlapping
from .writing import flattened, to_bits

Alpha = Literal["network", "bicubic", "flatten"]
GREY = (0.299, 0.587, 0.114)  # shares of red, green and blue (ITU-R 601)
TURNS = tuple((quarters, mirrored) for mirrored in (False, True) for quarters in range(4))


@dataclass(frozen=True)
class How(Manner):
    """How images are brought to the network and back."""

    times: PositiveInt | None = None  # rows and columns of a result to those of its image; None: as the run was trained
    overlap: NonNegativeInt | None = None
    """of tiles, in pixels; None: as far as the network looks, where that is sensible"""
    blend: Share | None = None  # share of the last stage's weights in the mix with the first one's
    self_ensemble: bool = False  # the mean over 8 flips and rotations
    wrap: bool = False  # an image lies beside itself, as a seamless texture does
    alpha: Alpha = "network"  # what becomes of opacity: it goes through the network as grey, or is only enlarged


@dataclass(frozen=True)
class Restorer(Imaging):
    """Restores images one by one. UsageError for what the game cannot be asked."""

    game: Restoration
    way: How
    use: Restoration.Use  # what was chosen of what the game itself lets choose

    words: ClassVar[room.Words] = room.Words("restored", "give a smaller piece of the image")
    plain_title: ClassVar[str] = "the input, bicubic"
    title: ClassVar[str] = "restored"

    def __post_init__(self) -> None:
        game, way, name = self.game, self.way, type(self.game).__name__
        if way.blend is not None and not game.blends:
            raise UsageError(f"{name} kept no network of a first stage here, with which to blend; leave out --blend")
        if way.blend is not None and self.use != type(self.use)():
            raise UsageError(f"a blend takes the place of what {name} itself lets choose; leave out one of the two")
        if way.times not in (None, 1) and game.times == 1:
            raise UsageError(f"this {name} restores images at their own size, and enlarges none; leave out --times")
        if game.beside and (way.self_ensemble or way.wrap):
            raise UsageError(
                f"{name} looks at {', '.join(game.beside)} too, which lie in the image as it is; leave out "
                "--self-ensemble and --wrap"
            )
        if game.sized and way.wrap:
            raise UsageError(f"{name} takes images of one size alone, with nothing around them; leave out --wrap")
        if game.sized and way.self_ensemble and len({*self.given.shape[-2:]}) > 1:
            raise UsageError(f"{name} takes no image on its side; leave out --self-ensemble")

    @property
    def given(self) -> Field:
        return self.game.data.fields[self.game.needs[0]]

    @property
    def wanted(self) -> Field:
        return self.game.data.fields[self.game.needs[1]]

    @property
    def given_title(self) -> str:
        return self.given.title or self.game.needs[0]

    @property
    def times(self) -> int:
        return self.way.times or self.game.times

    @property
    def border(self) -> int:
        """Pixels of each side that scores of brightness leave out, as papers on super-resolution do."""
        return self.times

    def plain(self, original: Original) -> np.ndarray:
        """The image enlarged by bicubic interpolation."""
        height, width = self.size(original.size)
        pixels = self.sized(original.pixels, (height, width), self.options.fit)
        return fitted(pixels, self.times * height, self.times * width, "squash")

    @torch.no_grad()
    def __call__(
        self,
        original: Original,
        key: tuple[object, ...],
        hole: np.ndarray | None = None,
        beside: Beside | None = None,
    ) -> Made:
        """The image as it was before, `times` as large. What is random depends on `key` alone.

        `beside` are the keys that the game looks at beside the image: landmarks [K, 2], x and y in its pixels.
        UsageError for a hole, which no restoration fills; SaddleError for numbers that are not finite.
        """
        if hole is not None:
            raise UsageError("a restoration takes no mask; leave it out")
        if self.way.alpha == "flatten" and original.alpha is not None:
            laid = flattened(original.pixels, original.alpha, colour(self.options.background))
            original = replace(original, pixels=laid, alpha=None)
        size, fit, clear = self.size(original.size), self.options.fit, self.given.planes == 4
        self._check_memory(size)
        straight = original if clear else _uncovered(original)
        x = self.batch(self.sized(self.seen(straight), size, fit))
        out, padded, parts, notes = self.through(x, key, self._beside(beside, original, size))
        if original.pixels.shape[2] == 1 and out.shape[1] == 3:
            out = _grey(out)
        bits = original.bits if self.way.bits is None else self.way.bits
        made, alpha = self.drawn(out, bits), None
        if made.shape[2] == 4:
            made, alpha = made[..., :3], made[..., 3]
        elif original.alpha is not None:
            alpha, more = self._alpha(original.alpha, size, bits, key)
            notes = tuple(dict.fromkeys((*notes, *more)))
        if original.pixels.shape[2] == 3 and self.wanted.planes == 1:
            notes = (*notes, "its colours are lost: the run was trained on grey images")
        return Made(made, alpha, size, padded, parts, None, notes)

    def size(self, own: Size) -> Size:
        """Height and width at which an image is restored."""
        return self.given.shape[-2:] if self.game.sized else own  # type: ignore[return-value]

    def _check_memory(self, size: Size) -> None:
        """SaddleError for a result that is larger than the memory: what takes too much is killed without a word."""
        most = self.game.times**self.passes
        needed = 8 * self.wanted.planes * most**2 * math.prod(size)  # numbers of 4 bytes, twice while they are rounded
        free = memory.available()
        if free is not None and needed > free:
            raise SaddleError(
                f"a result of {most * size[0]}×{most * size[1]} pixels (height × width) takes {needed / 2**30:.1f} GiB "
                f"of memory, and {free / 2**30:.1f} GiB are free; give a smaller piece of the image"
            )

    def _beside(self, beside: Beside | None, original: Original, size: Size) -> Batch:
        """What stands beside an image, as a batch of one holds it."""
        if LANDMARKS not in self.game.beside or not beside:
            return {}
        return self.points(torch.from_numpy(placed(beside[LANDMARKS], original.size, size, self.options.fit))[None])

    def points(self, points: Tensor) -> Batch:
        """Landmarks [N, K, 2] in pixels of images of the training's size, as a batch holds them: [N, 2 · K]."""
        height, width = self.given.shape[-2:]
        edges = points.new_tensor([width, height]).double()
        return {LANDMARKS: ((2 * points.double() + 1) / edges - 1).flatten(1).float()}

    def _alpha(
        self, alpha: np.ndarray, size: Size, bits: int, key: tuple[object, ...]
    ) -> tuple[np.ndarray, tuple[str, ...]]:
        """Opacity [H, W] as large as the result. What is the same everywhere stays so."""
        fit: Fit = self.options.fit
        pixels, channels = self.sized(alpha[..., None], size, fit), self.given.planes
        if self.way.alpha == "bicubic" or self.game.sized or alpha.min() == alpha.max():
            large = fitted(pixels, self.times * size[0], self.times * size[1], "squash")
            return to_bits(large, bits)[..., 0], ()
        out, _, _, notes = self.through(self.batch(with_channels(pixels, channels)), (*key, "alpha"))
        return self._opacity(out.mean(1, keepdim=True), bits), notes

    def _opacity(self, out: Tensor, bits: int) -> np.ndarray:
        """Opacity knows nothing of the range of the data."""
        top = 2**bits - 1
        values = ((out[0, 0].double().clamp(-1, 1) + 1) / 2 * top).round().numpy()
        return values.astype(np.uint8 if bits == 8 else np.uint16)

    # Through the network

    @property
    def passes(self) -> int:
        """How often an image goes through the network, each time as much larger."""
        passes = 1
        while self.game.times > 1 and self.game.times**passes < self.times:
            passes += 1
        return passes

    @torch.no_grad()
    def through(
        self, x: Tensor, key: tuple[object, ...] = (), beside: Batch | None = None
    ) -> tuple[Tensor, Size, int, tuple[str, ...]]:
        """Images as a batch holds them, [N, C, h, w] → [N, K, times · h, times · w], float on the processor.

        Also the size with edges, the number of tiles, and what to say of it. UsageError if `beside` lacks a key that
        the game looks at.
        """
        if missing := [name for name in self.game.beside if name not in (beside or {})]:
            raise UsageError(f"{type(self.game).__name__} looks at {', '.join(missing)} beside an image; give them")
        wished, notes, tiles = tuple(self.times * side for side in x.shape[-2:]), tuple[str, ...](), 0
        padded: Size = (0, 0)
        for i in range(self.passes):
            x, size, parts, said = self._mean(x, key, beside or {})
            padded, tiles, notes = padded if i else size, max(tiles, parts), (*notes, *said)
            if i + 1 < self.passes or x.shape[-2:] != wished:
                x = x.clamp(-1, 1)  # as an image that was written holds it
        if x.shape[-2:] != wished:
            x = _smaller(x, *wished)
            often = "once" if self.passes == 1 else f"{self.passes} times"
            notes = (
                *notes,
                f"enlarged {often} by {self.game.times}, and brought to {self.times} times its size by the mean of "
                "areas",
            )
        return x, padded, tiles, tuple(dict.fromkeys(notes))

    def _mean(self, x: Tensor, key: tuple[object, ...], beside: Batch) -> tuple[Tensor, Size, int, tuple[str, ...]]:
        """The result, or the mean of those of 8 flips and rotations."""
        if not self.way.self_ensemble:
            return self._once(x, key, beside)
        total, sizes, tiles, notes = torch.zeros(()), list[Size](), 0, tuple[str, ...]()
        for turn in TURNS:
            out, size, parts, said = self._once(_turned(x, *turn), key, beside)
            total, tiles = total + _turned_back(out, *turn), max(tiles, parts)
            sizes, notes = [*sizes, size], (*notes, *said)
        return total / len(TURNS), sizes[0], tiles, notes

    def _once(self, x: Tensor, key: tuple[object, ...], beside: Batch) -> tuple[Tensor, Size, int, tuple[str, ...]]:
        height, width = x.shape[-2:]
        padded, (top, left) = self._padded((height, width))
        x = (wrapped if self.way.wrap else reflected)(x, padded, (top, left)).to(self.game.dtype)
        more = {name: each.to(self.device, self.game.dtype) for name, each in beside.items()}
        out, parts, notes = self.finite(partial(self._computed, x, key, more))
        times = self.game.times
        out = out[..., times * top : times * (top + height), times * left : times * (left + width)]
        return out, padded, parts, notes

    def _padded(self, own: Size) -> tuple[Size, Size]:
        """The size to which an image is brought for the network, and where in it the image begins."""
        if self.game.sized:
            return own, (0, 0)
        multiple, smallest = self.game.multiple(), self.game.smallest()
        if not self.way.wrap:
            return padding(own, multiple, smallest)
        margin = math.ceil(self.overlap / multiple) * multiple
        size, _ = padding((own[0] + 2 * margin, own[1] + 2 * margin), multiple, smallest)
        return size, (margin, margin)

    @cached_property
    def overlap(self) -> int:
        """By how many pixels tiles overlap, or a texture goes on around itself."""
        if self.way.overlap is not None:
            return self.way.overlap
        reach = self.game.reach
        return USUAL if reach is None or reach > SENSIBLE else reach

    @cached_property
    def network(self) -> nn.Module | None:
        """The network that makes the results alone, if one does."""
        return self.game.network() if self.way.blend is None else self.game.network(float(self.way.blend))

    def _computed(self, x: Tensor, key: tuple[object, ...], more: Batch) -> Computed:
        game, network = self.game, self.network

        def function(images: Tensor) -> Tensor:
            if self.way.blend is not None:
                assert network is not None  # of a game that blends
                mixed: Tensor = network(images)
                return mixed
            with rng.apart("restore", *key):
                return game.restore_with({game.needs[0]: images, **more}, self.use)

        tiling = None
        if not game.sized and not more and (network is not None or game.reach is not None):
            tiling = Overlapping(
                function,
                self.device,
                game.times,
                self.overlap,
                game.reach,
                game.multiple(),
                game.smallest(),
                network,
                self.given.planes,
            )
        out, parts, notes = room.computed(function, tiling, x, self.device, self.way.tile, self.words)
        looks = game.reach is not None and game.reach <= self.overlap
        if self.way.wrap and not looks:
            notes = (
                *notes,
                f"wrapped approximately: its network looks farther than the {self.overlap} pixels around it",
            )
        return out, parts, notes


def _uncovered(original: Original) -> Original:
    """Its colours alone; where it is clear, those of the nearest pixels that are seen, which reach into no edge."""
    if original.alpha is None:
        return original
    return replace(original, pixels=spread_colours(original.pixels, original.alpha), alpha=None)


def _grey(x: Tensor) -> Tensor:
    """[N, 3, H, W] as its brightness [N, 1, H, W]."""
    return (x * x.new_tensor(GREY).view(3, 1, 1)).sum(1, keepdim=True)


def _smaller(x: Tensor, height: int, width: int) -> Tensor:
    """[N, C, H, W] → [N, C, height, width], each pixel the mean of the area that it covers."""
    return _thinned(_thinned(x, width).mT, height).mT


def _thinned(x: Tensor, n: int) -> Tensor:
    """[…, W] → [..., n]: differences of the sum up to each edge of the new pixels."""
    side = x.shape[-1]
    sums = nn.functional.pad(x.double().cumsum(-1), (1, 0))
    edges = torch.arange(n + 1, dtype=torch.float64) * side / n
    first = edges.long().clamp(max=side - 1)
    upto = sums[..., first] + (edges - first) * x[..., first]
    return (upto.diff(dim=-1) * n / side).to(x.dtype)


def _turned(x: Tensor, quarters: int, mirrored: bool) -> Tensor:
    return torch.rot90(x.flip(-1) if mirrored else x, quarters, (-2, -1))


def _turned_back(x: Tensor, quarters: int, mirrored: bool) -> Tensor:
    x = torch.rot90(x, -quarters, (-2, -1))
    return x.flip(-1) if mirrored else x
