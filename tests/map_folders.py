"""Small folders of label maps, images and instances, as the usual data sets are laid out."""

from pathlib import Path

import numpy as np
from PIL import Image

from saddle.data import DataOptions, Source, open_source

COLOURS = ((0, 0, 0), (20, 200, 20), (200, 20, 20), (20, 20, 200))


def scene(i: int, height: int = 8, width: int = 12) -> np.ndarray:
    """Four classes in bands, moved to the right by i: uint8 [H, W]."""
    return np.roll(np.repeat(np.arange(width)[None] * 4 // width, height, 0), i, 1).astype(np.uint8)


def photo(labels: np.ndarray, i: int = 0) -> np.ndarray:
    """What belongs to them: each class in its colour, and one number that tells images apart, uint8 [H, W, 3]."""
    return np.array(COLOURS, np.uint8)[labels % 4] + np.uint8(i)


def save(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


def fill_maps(
    root: Path, n: int = 4, label: str = "label/{}.png", image: str = "img/{}.png", inst: str = "", first: int = 0
) -> None:
    """n scenes in files of these names."""
    for i in range(first, first + n):
        save(root / label.format(f"{i:02}"), scene(i))
        save(root / image.format(f"{i:02}"), photo(scene(i), i))
        if inst:
            save(root / inst.format(f"{i:02}"), scene(i).astype(np.uint16) * 1000 + i)


def opened(path: object, **settings: object) -> Source:
    return open_source(DataOptions(source=f"maps:{path}", **settings))  # type: ignore[arg-type]
