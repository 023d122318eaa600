"""scikit-learn's two photographs, 427 × 640 pixels in colour, from which several sources are cut."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..base.errors import UsageError
from .carried import carried
from .options import DataOptions
from .picture import fitted, with_channels, with_opacity

NAMES = ("china", "flower")
HEIGHT, WIDTH = 427, 640
HELD_OUT = {"china": (480, 640), "flower": (160, 320)}  # columns; the flower's outermost 160 are out of focus
TRAINED = {"china": [(0, 480)], "flower": [(0, 160), (320, 640)]}
_MIDDLE = {"china": (140, 290), "flower": (214, 304)}  # roofs against the sky; the heart of the blossom


def photograph(name: str) -> NDArray[np.uint8]:
    """The whole picture, uint8 [427, 640, 3]."""
    with Image.open(carried("images", f"{name}.jpg")) as file:
        return np.asarray(file)


def crop(name: str, height: int, width: int) -> NDArray[np.uint8]:
    """One piece of a photograph, as it is, about its point of interest: uint8 [height, width, 3]."""
    if height > HEIGHT or width > WIDTH:
        raise UsageError(f"data.size is {height}×{width}; a piece of a photograph has at most {HEIGHT}×{WIDTH} pixels")
    middle = _MIDDLE[name]
    top = min(max(middle[0] - height // 2, 0), HEIGHT - height)
    left = min(max(middle[1] - width // 2, 0), WIDTH - width)
    return photograph(name)[top : top + height, left : left + width]


def coloured(picture: NDArray[np.uint8], options: DataOptions) -> NDArray[np.uint8]:
    """[H, W, 3] in the channels asked for, as [C, H, W]."""
    if options.channels_of() not in (None, 1, 3):
        raise UsageError(f"data.channels is {options.channels}; a photograph has 3, or is made grey with 1")
    return np.ascontiguousarray(with_channels(picture, options.channels_of() or 3).transpose(2, 0, 1))


def stranger(picture: str, channels: int, height: int, width: int) -> NDArray[np.uint8]:
    """A piece of that photograph which `photo:place` is not of, to compare with: uint8 [C, height, width]."""
    name = "china" if picture == "flower" else "flower"
    scale = min(1.0, HEIGHT / height, WIDTH / width)
    piece = fitted(crop(name, int(height * scale), int(width * scale)), height, width)
    shown = with_opacity(piece) if channels == 4 else with_channels(piece, channels)
    return np.ascontiguousarray(shown.transpose(2, 0, 1))
