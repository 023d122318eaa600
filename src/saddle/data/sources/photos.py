"""photos: crops of scikit-learn's two photographs, 64 pixels unless asked otherwise; a strip of each is held out."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...base.errors import UsageError
from ...spec import DataSpec
from ..fingerprint import fingerprint
from ..options import AUGMENTATIONS, DataOptions
from ..photographs import HEIGHT, HELD_OUT, NAMES, TRAINED, coloured, photograph
from ..source import Judged, Source, Split

SIZE = 64  # pixels, unless asked otherwise
STRIDE = 8  # pixels from one crop to the next
JUDGED = Judged(early=("swd",), final=("swd", "swd_floor", "swd_multiple"))
_WIDEST = 160  # of the narrowest strip


@dataclass(frozen=True)
class Crops:
    """Images uint8 [N, C, H, W], cut when asked for."""

    pictures: NDArray[np.uint8]  # [2, C, 427, 640]
    corners: NDArray[np.int64]  # picture, top and left of every crop: [N, 3]
    sides: tuple[int, int]

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.pictures.dtype

    def __len__(self) -> int:
        return len(self.corners)

    def __getitem__(self, places: Any, /) -> np.ndarray:
        windows = np.lib.stride_tricks.sliding_window_view(self.pictures, self.sides, axis=(2, 3))
        which, top, left = self.corners[places].T
        return windows[which, :, top, left]


def open(options: DataOptions, path: str) -> Source:
    """Key image; 3 channels unless asked otherwise. No held-out pixel is in a crop to train on."""
    options.allow("size", "channels", *AUGMENTATIONS)
    height, width = options.sides or (SIZE, SIZE)
    if height > HEIGHT or width > _WIDEST:
        raise UsageError(f"data.size is {height}×{width}; the strips of the photographs give up to {HEIGHT}×{_WIDEST}")
    pictures = np.stack([coloured(photograph(name), options) for name in NAMES])
    train = [(i, *strip) for i, name in enumerate(NAMES) for strip in TRAINED[name]]
    heldout = [(i, *HELD_OUT[name]) for i, name in enumerate(NAMES)]
    parts = [Crops(pictures, corners(strips, height, width), (height, width)) for strips in (train, heldout)]
    spec = DataSpec.of((pictures.shape[1], height, width))
    mark = fingerprint(pictures, height, width, STRIDE, TRAINED, HELD_OUT)
    return Source(options.source, spec, Split({"image": parts[0]}), Split({"image": parts[1]}), mark, judged=JUDGED)


def corners(strips: list[tuple[int, int, int]], height: int, width: int) -> NDArray[np.int64]:
    """Picture, top and left of every crop inside strips (picture, first column, column after the last), [N, 3]."""
    return np.array(
        [
            (picture, top, left)
            for picture, start, end in strips
            for top in range(0, HEIGHT - height + 1, STRIDE)
            for left in range(start, end - width + 1, STRIDE)
        ]
    )
