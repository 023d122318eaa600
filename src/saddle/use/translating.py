"""One image of any size, depth and format through a game that translates, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from ..base import rng
from ..base.ranges import PositiveInt
from ..data.options import Fit
from ..data.picture import nearest, with_channels
from ..spec import LOST, Batch, Field
from ..tasks import Translation
from . import room
from .asked import Asked, Beside, as_batch
from .familiar import Familiar
from .imaging import Computed, Imaging, Made, Manner, Size, padding, reflected
from .original import Original
from .tiles import TILE, Statistics
from .tilings import Exact
from .writing import to_bits


@dataclass(frozen=True)
class Way(Manner):
    """How images are brought to the network and back."""

    start: str  # key of the domain that they are of
    to: str
    size: PositiveInt | tuple[PositiveInt, PositiveInt] | Literal["own", "run"] = "own"
    """own, run, pixels of the shorter side, or height and width"""
    restore: bool = False  # bring the result of another size back to the input's
    mean: PositiveInt = 1  # over so many draws


@dataclass(frozen=True)
class Translator(Imaging):
    """Translates images one by one."""

    game: Translation
    way: Way
    known: Familiar | None = None  # what the images of the training are like
    steady: Statistics | None = None  # of instance norm, in place of those of each image
    asked: Asked = Asked()  # what every result is to be

    words: ClassVar[room.Words] = room.Words()
    plain_title: ClassVar[str] = "the input as it is"

    @property
    def given(self) -> Field:
        return self.game.data.fields[self.way.start]

    @property
    def wanted(self) -> Field:
        return self.game.data.fields[self.way.to]

    @property
    def title(self) -> str:
        return self.game.title(self.way.to)

    @property
    def given_title(self) -> str:
        return self.game.title(self.way.start)

    @property
    def reader(self) -> Translator:
        return replace(self, way=replace(self.way, start=self.way.to))

    @property
    def back(self) -> Translator | None:
        start, to = self.way.start, self.way.to
        if start == to or (to, start) not in self.game.ways:
            return None
        return replace(self, way=replace(self.way, start=to, to=start), known=None, asked=Asked())

    def plain(self, original: Original) -> np.ndarray:
        return original.pixels

    @torch.no_grad()
    def __call__(
        self, original: Original, key: tuple[object, ...], hole: np.ndarray | None = None, beside: Beside | None = None
    ) -> Made:
        """The image in the other domain. What is random depends on `key` alone.

        `hole` bool [H, W] is where the image has lost its pixels: all others come back as they are. `beside` are the
        keys that the game looks at beside the image, each [H, W].
        SaddleError for a network that gives numbers that are not finite.
        """
        pixels = self.seen(original)
        size = self.size(original.size, hole is not None)
        fit: Fit = "squash" if self.way.restore or hole is not None else self.fit
        x = self.batch(self.sized(pixels, size, fit))
        far = self.known.distance(x[0]) if self.known and hole is None else None
        if hole is not None:
            lost = self.sized(hole[..., None].astype(np.uint8) * 255, size, "squash")[..., 0] > 0
            x[:, :, torch.from_numpy(lost)] = LOST / 127.5 - 1
        more = {name: self.beside(name, numbers, size, fit) for name, numbers in (beside or {}).items()}
        out, padded, parts, notes = self.through(x, key, more)
        bits = original.bits if hole is not None or self.way.bits is None else self.way.bits
        made = self.drawn(out, bits)
        alpha = original.alpha if self.wanted.kind == "image" and self.wanted.planes != 4 else None
        if size != original.size:
            if self.way.restore or hole is not None:
                made = self.sized(made, original.size, "squash")
            elif alpha is not None:
                alpha = self.sized(alpha[..., None], size, fit)[..., 0]
        if hole is not None:
            made = _filled(original.pixels, made, hole)
        if made.shape[2] == 4:
            made, alpha = made[..., :3], made[..., 3]
        if alpha is not None:
            alpha = to_bits(alpha, 8 * made.dtype.itemsize)
        return Made(made, alpha, size, padded, parts, far, notes)

    @property
    def fit(self) -> Fit:
        """How an image of other proportions is brought to a size: as the run's data were."""
        return "squash" if isinstance(self.way.size, int) and not self.game.sized else self.options.fit

    def size(self, own: Size, restored: bool = False) -> Size:
        """Height and width at which an image is translated."""
        wanted = self.way.size
        if self.game.sized or wanted == "run":
            return self.given.shape[-2:]  # type: ignore[return-value]
        if restored or wanted == "own":
            return own
        if isinstance(wanted, int):
            scale = wanted / min(own)
            wanted = max(1, round(own[0] * scale)), max(1, round(own[1] * scale))
        assert isinstance(wanted, tuple)
        self.check_megapixels(wanted, "ask for a smaller one")
        return wanted

    def beside(self, key: str, numbers: np.ndarray, size: Size, fit: Fit) -> Tensor:
        """What stands beside an image, [H, W], as a batch of one holds it, brought to a size as the image is."""
        return as_batch(nearest(numbers[..., None], *size, fit)[..., 0], self.game.data.fields.get(key))

    def through(
        self, x: Tensor, key: tuple[object, ...], beside: Batch | None = None
    ) -> tuple[Tensor, Size, int, tuple[str, ...]]:
        """An image of any size as a batch holds it → planes [1, K, H, W] of the other domain, float on the processor.

        `beside` is what else the batch holds, of the same size. Also the size with edges, the number of tiles, and what
        to say of it.

        x [1, …]
        """
        height, width = x.shape[-2:]
        padded, corner = padding((height, width), *self.steps())
        x = reflected(x, padded, corner)
        x = x.to(self.game.dtype) if x.is_floating_point() else x
        more = {name: reflected(each, padded, corner).to(self.device) for name, each in (beside or {}).items()}
        more |= self.asked.batch(self.device, self.game.dtype)
        total: Tensor | None = None
        parts = 1
        notes: tuple[str, ...] = ()
        for draw in range(self.way.mean):
            each = (*key, draw) if draw else key
            out, parts, said = self.finite(partial(self._once, x, more, each))
            total, notes = out if total is None else total + out, (*notes, *said)
        assert total is not None
        top, left = corner
        out = total[..., top : top + height, left : left + width] / self.way.mean
        return out, padded, parts, tuple(dict.fromkeys(notes))

    def steps(self) -> tuple[int, int]:
        """Sides of images are whole multiples of the first, and at least the second, in pixels."""
        start, to = self.way.start, self.way.to
        if self.game.sized:
            return 1, 1
        return self.game.multiple(start, to), self.game.smallest(start, to)

    def _once(self, x: Tensor, more: Batch, key: tuple[object, ...]) -> Computed:
        start, to = self.way.start, self.way.to

        def whole(image: Tensor) -> Tensor:
            with rng.apart("translate", *key):
                return self.game.translate({start: image, **more}, to)

        network = None if more else self.game.network(start, to)
        tiling = None if network is None else Exact(network, self.given, self.steady)
        tile = self.way.tile if self.steady is None else self.way.tile or TILE
        return room.computed(whole, tiling, x, self.device, tile, self.words)


def _filled(known: np.ndarray, made: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The known pixels [H, W, C] with what was made inside the hole, in the channels and the depth of the known."""
    inside = to_bits(with_channels(made[..., :3], known.shape[2]), 8 * known.dtype.itemsize)
    return np.where(hole[..., None], inside, known)
