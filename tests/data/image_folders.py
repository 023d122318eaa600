"""Folders of small images for the tests, and what comes of them."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from saddle.data import DataOptions, Source, decode, open_source
from saddle.data.picture import opaque


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).integers(0, 256, shape, dtype=np.uint8)


def fill(folder: Path, n: int, height: int = 6, width: int = 8, grey: bool = False, prefix: str = "") -> np.ndarray:
    """n PNG images of noise, in order of their names: [n, H, W, 3], or [n, H, W]."""
    pictures = noise(n, height, width) if grey else noise(n, height, width, 3)
    for i, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{prefix}{i:03}.png")
    return pictures


def opened(folder: Path, **settings: object) -> Source:
    return open_source(DataOptions(source=f"folder:{folder}", **settings))  # type: ignore[arg-type]


def pixels(path: Path, background: tuple[int, int, int], max_megapixels: float) -> np.ndarray:
    """The picture, upright and opaque: [H, W, 1 or 3]."""
    return opaque(decode.stored(path, max_megapixels), background)


def stored(source: Source) -> np.ndarray:
    """All images to train on, [N, C, H, W]."""
    return source.train.columns["image"][np.arange(len(source.train))]


def encoded(format: str) -> bytes:
    """A file of noise, 64×64."""
    file = io.BytesIO()
    Image.fromarray(noise(64, 64, 3)).save(file, format)
    return file.getvalue()


def truncated(format: str) -> bytes:
    """The first half of it."""
    return encoded(format)[: len(encoded(format)) // 2]
