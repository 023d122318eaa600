"""One image of any size, depth and format through a game that translates, and what comes of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..base import rng
from ..base.errors import SaddleError, UsageError
from ..data.options import DataOptions, Fit
from ..data.picture import colour, fitted, nearest, opaque, ranged, with_channels, with_opacity
from ..show.pictures import to_uint8
from ..spec import LOST, Batch, Field
from ..tasks import Translation
from . import room
from .asked import Asked, Beside, as_batch
from .familiar import Familiar
from .original import Original
from .tiles import SMALLEST, Statistics
from .writing import to_bits

Size = tuple[int, int]  # height and width
HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Way:
    """How images are brought to the network and back."""

    start: str  # key of the domain that they are of
    to: str
    size: int | Size | str = "own"  # own, run, pixels of the shorter side, or height and width
    restore: bool = False  # bring the result of another size back to the input's
    bits: int | None = None  # of the result's channels; None: those of the input
    mean: int = 1  # over so many draws
    precision: str = "fp32"  # fp32, bf16 or fp16
    tile: int | None = None  # side of the tiles in pixels; 0: none; None: where the image does not fit into memory

    def __post_init__(self) -> None:
        """UsageError for what is no such setting: from Python anything may come."""
        sides = self.size if isinstance(self.size, tuple) else (self.size,)
        wholes = {"mean": (self.mean, 1), "tile": (0 if self.tile is None else self.tile, 0)}
        if self.size not in ("own", "run") and not (len(sides) in (1, 2) and all(_whole(side, 1) for side in sides)):
            raise UsageError(f"size is own, run, a shorter side such as 512, or (height, width), not {self.size!r}")
        if self.precision not in ("fp32", *HALF):
            raise UsageError(f"precision is fp32, {' or '.join(HALF)}, not {self.precision!r}")
        if self.bits not in (None, 8, 16):
            raise UsageError(f"bits is 8, 16 or None, those of the input, not {self.bits!r}")
        for name, (value, least) in wholes.items():
            if not _whole(value, least):
                raise UsageError(f"{name} is a whole number from {least} on, not {value!r}")
        if 0 < wholes["tile"][0] < SMALLEST:
            raise UsageError(f"a tile has a side of {SMALLEST} pixels or more, not {self.tile}; 0 is for none")


@dataclass(frozen=True)
class Made:
    """The result of one image."""

    pixels: np.ndarray  # [H, W, 1 or 3] uint8 or uint16; of a map the classes, int64 [H, W, 1]
    alpha: np.ndarray | None  # [H, W]
    size: Size  # at which it was translated
    padded: Size  # with the edge that was added for the network, and cut off again
    tiles: int = 1
    far: float | None = None  # above 1: unlike the images of the training; None: not known
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Translator:
    """Translates images one by one, with nothing remembered from one to the next: threads may share it."""

    game: Translation
    options: DataOptions  # as the run's data were read
    device: torch.device
    way: Way
    known: Familiar | None = None  # what the images of the training are like
    steady: Statistics | None = None  # of instance norm, in place of those of each image
    asked: Asked = Asked()  # what every result is to be

    @property
    def given(self) -> Field:
        return self.game.data.fields[self.way.start]

    @property
    def wanted(self) -> Field:
        return self.game.data.fields[self.way.to]

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
        made = self._made(out, original, hole is not None)
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
        height, width = wanted
        if height * width / 1e6 > (most := self.options.max_megapixels):
            raise UsageError(
                f"at this size the image has {height}×{width} pixels (height × width), more than data.max_megapixels "
                f"{most:g}; ask for a smaller one"
            )
        return height, width

    def seen(self, original: Original) -> np.ndarray:
        """Its pixels as the run's data were read: their range, their channels, on their background; [H, W, C]."""
        pixels, field_ = original.pixels, self.given
        if field_.kind == "map":
            if pixels.dtype != np.int64:
                raise UsageError(f"the domain '{self.game.title(self.way.start)}' holds label maps; this is an image")
            return pixels
        channels = field_.planes
        if original.alpha is not None:
            pixels = np.concatenate([with_channels(pixels, 3), original.alpha[..., None]], 2)
        pixels = ranged(pixels, self.options.range, field_.bits, opacity=pixels.shape[2] == 4)
        if pixels.dtype not in (np.uint8, np.uint16):  # a range that no run has told
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

    def beside(self, key: str, numbers: np.ndarray, size: Size, fit: Fit) -> Tensor:
        """What stands beside an image, [H, W], as a batch of one holds it, brought to a size as the image is."""
        return as_batch(nearest(numbers[..., None], *size, fit)[..., 0], self.game.data.fields.get(key))

    def through(
        self, x: Tensor, key: tuple[object, ...], beside: Batch | None = None
    ) -> tuple[Tensor, Size, int, tuple[str, ...]]:
        """An image of any size as a batch holds it → planes [1, K, H, W] of the other domain, float on the processor.

        `beside` is what else the batch holds, of the same size. Also the size with edges, the number of tiles, and what
        to say of it.
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
            out, parts, said = self._finite(x, more, each)
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

    def _finite(self, x: Tensor, more: Batch, key: tuple[object, ...]) -> tuple[Tensor, int, tuple[str, ...]]:
        """What the network makes of it; once more in full precision where half gave no numbers."""
        out, parts, notes = self._once(x, more, key, self.way.precision)
        if out.isfinite().all():
            return out, parts, notes
        if self.way.precision in HALF:
            out, parts, notes = self._once(x, more, key, "fp32")
            notes = (f"{self.way.precision} gave numbers that are not finite; translated again in fp32", *notes)
        if not out.isfinite().all():
            raise SaddleError("the network gave numbers that are not finite")
        return out, parts, notes

    def _once(
        self, x: Tensor, more: Batch, key: tuple[object, ...], precision: str
    ) -> tuple[Tensor, int, tuple[str, ...]]:
        start, to = self.way.start, self.way.to

        def whole(image: Tensor) -> Tensor:
            with rng.apart("translate", *key):
                return self.game.translate({start: image, **more}, to)

        network, tile = None if more else self.game.network(start, to), self.way.tile
        with _in(precision, self.device):
            return room.computed(whole, network, x, self.given, self.device, tile, self.steady)

    def sized(self, pixels: np.ndarray, size: Size, fit: Fit) -> np.ndarray:
        """[H, W, C] in another size; classes by the nearest pixel."""
        if pixels.shape[:2] == size:
            return pixels
        if pixels.dtype == np.int64:
            return nearest(pixels, *size, fit)
        return fitted(pixels, *size, fit, colour(self.options.background), pixels.shape[2] == 4)

    def _made(self, out: Tensor, original: Original, exact: bool) -> np.ndarray:
        """Planes [1, K, H, W] as numbers [H, W, C] of the depth of the result."""
        wanted = self.wanted
        if wanted.kind == "map":
            return out[0].argmax(0)[..., None].numpy()
        if wanted.kind == "mask":
            return (out[0] > 0).to(torch.uint8).mul(255).movedim(0, -1).numpy()
        bits = original.bits if exact or self.way.bits is None else self.way.bits
        return whole(out[0].movedim(0, -1), bits, self.limits(bits))

    def limits(self, bits: int) -> tuple[float, float]:
        """What -1 and 1 stand for in results of so many bits: data.range where the data had as many."""
        top = float(2**bits - 1)
        low, high = self.options.range or (0.0, top)
        fits = self.wanted.bits == bits and low >= 0 and high <= top
        return (low, high) if fits else (0.0, top)


def _whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def whole(x: Tensor, bits: int, limits: tuple[float, float]) -> np.ndarray:
    """Numbers in [-1, 1] as uint8 or uint16 between limits, rounded; what lies beyond is clipped."""
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
    """[…, H, W] with its mirror images around it, as often as it takes; a single line or column is repeated."""
    if x.shape[-2:] == size:
        return x
    rows, columns = (_mirrored(n, side, begin) for n, side, begin in zip(size, x.shape[-2:], corner, strict=True))
    return x[..., rows[:, None], columns]


def _mirrored(n: int, side: int, begin: int) -> Tensor:
    """For each of n places which of `side` pixels stands there, if they begin at `begin`: 2 1 | 0 1 2 | 1 0."""
    period = max(2 * side - 2, 1)
    at = (torch.arange(n) - begin) % period
    return torch.minimum(at, period - at) if side > 1 else torch.zeros(n, dtype=torch.int64)


def _filled(known: np.ndarray, made: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The known pixels [H, W, C] with what was made inside the hole, in the channels and the depth of the known."""
    inside = to_bits(with_channels(made[..., :3], known.shape[2]), 8 * known.dtype.itemsize)
    return np.where(hole[..., None], inside, known)


@contextmanager
def _in(precision: str, device: torch.device) -> Iterator[None]:
    """Inside, networks compute with numbers of this precision."""
    half = HALF.get(precision)
    with torch.autocast(device.type, half or torch.bfloat16, enabled=half is not None):
        yield
