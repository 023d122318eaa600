"""Folders of several keys for the tests, of noise in 12 × 16 pixels, and what comes of them."""

from pathlib import Path

import numpy as np
from image_folders import noise
from PIL import Image

from saddle.data import DataOptions, Source, open_source

N = 6  # pairs


def side(key: str, i: int, height: int = 12, width: int = 16) -> np.ndarray:
    """The image number i of a key: a is colour, the others are grey."""
    picture = noise(height, width, 3) if key == "a" else noise(height, width)
    return np.roll(picture, 7 * i + ord(key), axis=1) ^ np.uint8(29 * i % 256)


def put(path: Path, picture: np.ndarray | Image.Image) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(path)
    return path


def beside(i: int) -> np.ndarray:
    """a and b in one image of colour."""
    return np.concatenate([side("a", i), np.repeat(side("b", i)[..., None], 3, 2)], 1)


def fill(root: Path, folders: dict[str, str], numbers: range = range(N), suffix: str = ".png") -> None:
    """The images with these numbers, in a folder for each key."""
    for key, folder in folders.items():
        for i in numbers:
            put(root / folder / f"{i:03}{suffix}", side(key, i))


def opened(source: str, **settings: object) -> Source:
    return open_source(DataOptions(source=source, **settings))  # type: ignore[arg-type]


def stored(source: Source, key: str, held: bool = False) -> list[np.ndarray]:
    """The images of a key, [H, W] or [H, W, 3] each."""
    part = source.heldout if held else source.train
    assert part
    column = part.columns[key]
    return [image.transpose(1, 2, 0).squeeze() for image in column[np.arange(len(column))]]


def same(images: list[np.ndarray], wanted: list[np.ndarray]) -> bool:
    return len(images) == len(wanted) and all(map(np.array_equal, images, wanted))
