"""One image of any size as a run that detects sees it, and what was found in it at the image's own size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ..base.errors import SaddleError, UsageError
from ..data.decode import shaped
from ..data.fingerprint import digest
from ..data.options import DataOptions
from ..data.sizes import brought
from ..data.source import decoded
from ..spec import Field

Size = tuple[int, int]  # height and width


@dataclass(frozen=True)
class Seen:
    """An image as a run sees it: whole, or piece by piece."""

    own: Size  # of the image as it came
    sides: Size  # to which it was brought
    corners: list[Size]  # top and left of every piece
    planes: Tensor  # of the pieces: float [P, C, h, w] in [-1, 1]
    mark: str  # a digest of its pixels as they were brought there, the same as in training

    def joined(self, parts: Tensor) -> Tensor:
        """What belongs to the pieces, [P, K, h, w], as one [K, H, W]; where they overlap, the greatest counts."""
        whole = parts.new_full((parts.shape[1], *self.sides), -torch.inf)
        height, width = parts.shape[-2:]
        for part, (top, left) in zip(parts, self.corners, strict=True):
            place = whole[:, top : top + height, left : left + width]
            place.copy_(torch.maximum(place, part))
        return whole


@dataclass(frozen=True)
class Found:
    """What is unusual in one image. A verdict is there where a threshold is."""

    score: float  # higher is more unusual; of pieces, that of the most unusual one
    map: np.ndarray  # float32 [H, W] at the image's own size; NaN where the run did not look
    parts: Mapping[str, float]  # what the score is made of, by name
    seen: Tensor  # the image as the run saw it, [C, h, w] in [-1, 1]
    seen_map: Tensor  # the map of that, [h, w]
    normal: Tensor | None = None  # the normal image that it was compared with, [C, h, w]
    quantile: float | None = None  # the share of good images with a lower score; None: the run is not calibrated
    threshold: float | None = None  # a higher score is anomalous
    lost: float = field(default=0.0)  # the share of the image that was cut off, as in training

    @property
    def anomalous(self) -> bool | None:
        """The verdict; None without a threshold."""
        return None if self.threshold is None else self.score > self.threshold

    @property
    def verdict(self) -> str | None:
        """The verdict in a word."""
        return None if self.anomalous is None else "anomalous" if self.anomalous else "normal"

    def check(self) -> None:
        """SaddleError for what is no number: it is above no threshold, and would pass for normal."""
        if not np.isfinite(self.score) or not self.seen_map.isfinite().all():
            raise SaddleError("the network gave numbers that are not finite")


@dataclass(frozen=True)
class View:
    """What a training did with its images, to be done again with others."""

    options: DataOptions
    field: Field
    pieces: bool  # were its images cut out of larger ones?

    def see(self, picture: np.ndarray) -> Seen:
        """An image as `decode.stored` gives it, [H, W, C]. UsageError for one that is smaller than the pieces."""
        channels, *least = self.field.shape
        own = picture.shape[0], picture.shape[1]
        sides = self._sides(own)
        if any(side < piece for side, piece in zip(sides, least, strict=True)):
            raise UsageError(
                f"it has {own[0]}×{own[1]} pixels (height × width), fewer than the pieces of {least[0]}×{least[1]} "
                "that the run was trained on"
            )
        fitting = shaped(picture, self.options, channels, self.field.bits, sides)
        return self.pixels(np.ascontiguousarray(fitting.transpose(2, 0, 1)), own)

    def pixels(self, image: np.ndarray, own: Size | None = None) -> Seen:
        """An image at its final size, uint8 or uint16 [C, H, W]."""
        height, width = self.field.shape[-2:]
        sides = image.shape[1], image.shape[2]
        corners = [(top, left) for top in _places(sides[0], height) for left in _places(sides[1], width)]
        cut = np.stack([image[:, top : top + height, left : left + width] for top, left in corners])
        return Seen(own or sides, sides, corners, decoded(torch.from_numpy(cut)), digest(image).hex())

    def _sides(self, own: Size) -> Size:
        if not self.pieces:
            return self.field.shape[-2:]  # type: ignore[return-value]
        return brought(*own, self.options) if self.options.cuts else own

    def back(self, image: Tensor, own: Size) -> np.ndarray:
        """A map [h, w] at the size of the image that it is of, float32 [H, W], NaN where that was cut off."""
        if self.options.fit == "pad":
            return _sized(_unpadded(image, own), own)
        if self.options.fit != "crop":
            return _sized(image, own)
        top, left, height, width = kept(own, (image.shape[0], image.shape[1]))
        whole = np.full(own, np.nan, np.float32)
        whole[top : top + height, left : left + width] = _sized(image, (height, width))
        return whole

    def found(
        self, seen: Seen, score: Tensor, maps: Tensor, parts: Mapping[str, Tensor], normal: Tensor | None
    ) -> Found:
        """The finding of the whole image from those of its pieces: scores [N], maps and parts, each [N, 1, h, w].

        Its score is that of the most unusual piece. `normal` [M] are scores of normal images, if there are any.
        """
        worst, whole = int(score.argmax()), seen.joined(maps)[0]
        own_map = self.back(whole, seen.own)
        return Found(
            float(score[worst]),
            own_map,
            {name: float(values[worst]) for name, values in parts.items()},
            seen.joined(seen.planes),
            whole,
            None if normal is None else seen.joined(normal),
            lost=float(np.isnan(own_map).mean()) if whole.isfinite().all() else 0.0,
        )


def kept(own: Size, sides: Size) -> tuple[int, int, int, int]:
    """Top, left, height and width of the centre that is left of an image when it is cut in the proportions of sides."""
    scale = min(own[0] / sides[0], own[1] / sides[1])
    height, width = (min(have, max(1, round(side * scale))) for have, side in zip(own, sides, strict=True))
    return (own[0] - height) // 2, (own[1] - width) // 2, height, width


def _places(whole: int, piece: int) -> list[int]:
    """Where pieces begin that cover a side: one behind the other, the last one at its end."""
    return [*range(0, whole - piece, piece), whole - piece]


def _unpadded(image: Tensor, own: Size) -> Tensor:
    """The part of [h, w] that is not background, as `picture.fitted` pads."""
    sides = image.shape
    scale = min(sides[0] / own[0], sides[1] / own[1])
    height, width = (max(1, round(side * scale)) for side in own)
    top, left = (sides[0] - height) // 2, (sides[1] - width) // 2
    return image[top : top + height, left : left + width]


def _sized(image: Tensor, size: Size) -> np.ndarray:
    """[h, w] in another size, bilinear, so that nothing comes out above the greatest value."""
    if tuple(image.shape) == size:
        return image.numpy()
    return interpolate(image[None, None], size=size, mode="bilinear", align_corners=False, antialias=True)[0, 0].numpy()
