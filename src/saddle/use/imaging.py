"""Images of any size, depth and format as a network takes them, and its output as images again."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from ..base.errors import SaddleError, UsageError
from ..base.ranges import NonNegativeInt
from ..base.settings import Settings
from ..data.options import DataOptions, Fit
from ..data.picture import colour, fitted, nearest, opaque, ranged, with_channels, with_opacity
from ..show.pictures import to_uint8
from ..spec import Field
from ..tasks import Game
from .asked import Beside
from .original import Original
from .room import Words
from .tiles import SMALLEST

Size = tuple[int, int]  # height and width
HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}
Computed = tuple[Tensor, int, tuple[str, ...]]  # planes, in how many tiles, and what to say of them


@dataclass(frozen=True, kw_only=True)
class Manner(Settings):
    """How any game is used on images."""

    bits: Literal[8, 16] | None = None  # of the result's channels; None: those of the input
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    tile: NonNegativeInt | None = None
    """side of the tiles in pixels; 0: none; None: where the image does not fit into memory"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if 0 < (self.tile or 0) < SMALLEST:
            raise UsageError(f"a tile has a side of {SMALLEST} pixels or more, not {self.tile}; 0 is for none")


@dataclass(frozen=True)
class Made:
    """The result of one image."""

    pixels: np.ndarray  # [H, W, 1 or 3] uint8 or uint16; of a map the classes, int64 [H, W, 1]
    alpha: np.ndarray | None  # [H, W]
    size: Size  # of the image as it went through the network
    padded: Size  # with the edge that was added for the network, and cut off again
    tiles: int = 1
    far: float | None = None  # above 1: unlike the images of the training; None: not known
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Imaging(ABC):
    """A game on images one by one, with nothing remembered from one to the next: threads may share it."""

    game: Game
    options: DataOptions  # as the run's data were read
    device: torch.device
    way: Manner

    words: ClassVar[Words]

    @abstractmethod
    def __call__(
        self,
        original: Original,
        key: tuple[object, ...],
        hole: np.ndarray | None = None,
        beside: Beside | None = None,
    ) -> Made:
        """The game's result for an image. What is random depends on `key` alone.

        `hole` bool [H, W] is where the image has lost its pixels. `beside` are the keys that the game looks at beside
        the image.
        """

    @property
    @abstractmethod
    def given(self) -> Field:
        """What the images are."""

    @property
    @abstractmethod
    def wanted(self) -> Field:
        """What the results are."""

    @property
    @abstractmethod
    def title(self) -> str:
        """What the results are, for people."""

    @property
    def given_title(self) -> str:
        """What the images are, for people."""
        return self.given.title

    @property
    def reader(self) -> Imaging:
        """What reads images of the kind that it makes."""
        return self

    @property
    def back(self) -> Imaging | None:
        """What brings its results back to what they were made from, if it can."""
        return None

    @property
    def border(self) -> int | None:
        """Pixels of each side that scores of brightness leave out; None: such scores say nothing of its results."""
        return None

    @property
    @abstractmethod
    def plain_title(self) -> str:
        """What `plain` gives, for people."""

    @abstractmethod
    def plain(self, original: Original) -> np.ndarray:
        """What could be had without the game, [H, W, C]: its result should be nearer to the truth."""

    def seen(self, original: Original) -> np.ndarray:
        """Its pixels as the run's data were read: their range, their channels, on their background; [H, W, C]."""
        pixels, field_ = original.pixels, self.given
        if field_.kind == "map":
            if pixels.dtype != np.int64:
                raise UsageError(f"the domain '{self.given_title}' holds label maps; this is an image")
            return pixels
        channels = field_.planes
        if original.alpha is not None:
            pixels = np.concatenate([with_channels(pixels, 3), original.alpha[..., None]], 2)
        pixels = ranged(pixels, self.options.range, field_.bits, opacity=pixels.shape[2] == 4)
        if pixels.dtype not in (np.uint8, np.uint16):  # a range that no run has given
            raise UsageError("its numbers have no range that the run knows; save it with 8 or 16 bits")
        if channels == 4:
            return with_opacity(pixels)
        if channels not in (1, 3):
            raise UsageError(f"the run was trained on images of {channels} channels; files hold 1, 3 or 4")
        return with_channels(opaque(pixels, colour(self.options.background)), channels)

    def batch(self, pixels: np.ndarray) -> Tensor:
        """[H, W, C] as a batch of one holds it: float [1, C, H, W] in [-1, 1]; of classes int64 [1, H, W]."""
        x = torch.from_numpy(np.moveaxis(pixels, 2, 0).copy())[None]
        if self.given.kind == "map":
            return x[:, 0]
        if self.given.kind == "mask":
            return (x > np.iinfo(pixels.dtype).max // 2).float()
        return x.float() / (np.iinfo(pixels.dtype).max / 2) - 1

    def sized(self, pixels: np.ndarray, size: Size, fit: Fit) -> np.ndarray:
        """[H, W, C] in another size; classes by the nearest pixel."""
        if pixels.shape[:2] == size:
            return pixels
        if pixels.dtype == np.int64:
            return nearest(pixels, *size, fit)
        return fitted(pixels, *size, fit, colour(self.options.background), pixels.shape[2] == 4)

    def check_megapixels(self, size: Size, todo: str) -> None:
        """UsageError for an image larger than the run's data may be."""
        if math.prod(size) / 1e6 > (most := self.options.max_megapixels):
            raise UsageError(
                f"at this size the image has {size[0]}×{size[1]} pixels (height × width), more than "
                f"data.max_megapixels {most:g}; {todo}"
            )

    def finite(self, once: Callable[[], Computed]) -> Computed:
        """What a network makes in the precision asked for; once more in full precision where half gave no numbers."""
        precision = self.way.precision
        with _in(precision, self.device):
            out, parts, notes = once()
        if not out.isfinite().all() and precision in HALF:
            with _in("fp32", self.device):
                out, parts, notes = once()
            notes = (f"{precision} gave numbers that are not finite; {self.words.done} again in fp32", *notes)
        if not out.isfinite().all():
            raise SaddleError("the network gave numbers that are not finite")
        return out, parts, notes

    def drawn(self, out: Tensor, bits: int) -> np.ndarray:
        """Planes [1, K, H, W] as numbers [H, W, C] of so many bits."""
        if self.wanted.kind == "map":
            return out[0].argmax(0)[..., None].numpy()
        if self.wanted.kind == "mask":
            return (out[0] > 0).to(torch.uint8).mul(255).movedim(0, -1).numpy()
        return whole(out[0].movedim(0, -1), bits, self.limits(bits))

    def limits(self, bits: int) -> tuple[float, float]:
        """What -1 and 1 stand for in results of so many bits: data.range where the data had as many."""
        top = float(2**bits - 1)
        low, high = self.options.range or (0.0, top)
        fits = self.wanted.bits == bits and low >= 0 and high <= top
        return (low, high) if fits else (0.0, top)


def whole(x: Tensor, bits: int, limits: tuple[float, float]) -> np.ndarray:
    """Numbers in [-1, 1] as uint8 or uint16 between limits, rounded; what lies beyond is clipped.

    Any shape → same shape
    """
    low, high = limits
    if (bits, low, high) == (8, 0, 255):
        return to_uint8(x).numpy()
    values = ((x.double().clamp(-1, 1) + 1) / 2 * (high - low) + low).round().numpy()
    return values.astype(np.uint8 if bits == 8 else np.uint16)


def padding(own: Size, multiple: int, smallest: int) -> tuple[Size, Size]:
    """The size to which an image is brought for a network, and where in it the image begins."""
    least = math.ceil(smallest / multiple) * multiple
    height, width = (max(math.ceil(side / multiple) * multiple, least) for side in own)
    return (height, width), ((height - own[0]) // 2, (width - own[1]) // 2)


def reflected(x: Tensor, size: Size, corner: Size) -> Tensor:
    """[…, H, W] with its mirror images around it, as often as it takes; a single line or column is repeated.

    Returns […, *size].
    """
    return _around(x, size, corner, _mirrored)


def wrapped(x: Tensor, size: Size, corner: Size) -> Tensor:
    """[…, H, W] with itself around it, as a texture lies beside itself: 2 | 0 1 2 | 0.  Returns […, *size]."""
    return _around(x, size, corner, lambda n, side, begin: (torch.arange(n) - begin) % side)


def _around(x: Tensor, size: Size, corner: Size, places: Callable[[int, int, int], Tensor]) -> Tensor:
    if x.shape[-2:] == size:
        return x
    rows, columns = (places(n, side, begin) for n, side, begin in zip(size, x.shape[-2:], corner, strict=True))
    return x[..., rows[:, None], columns]


def _mirrored(n: int, side: int, begin: int) -> Tensor:
    """For each of n places which of `side` pixels stands there, if they begin at `begin`: 2 1 | 0 1 2 | 1 0."""
    period = max(2 * side - 2, 1)
    at = (torch.arange(n) - begin) % period
    return torch.minimum(at, period - at) if side > 1 else torch.zeros(n, dtype=torch.int64)


@contextmanager
def _in(precision: str, device: torch.device) -> Iterator[None]:
    """Inside, networks compute with numbers of this precision."""
    half = HALF.get(precision)
    with torch.autocast(device.type, half or torch.bfloat16, enabled=half is not None):
        yield
