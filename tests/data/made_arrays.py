"""Sources by name, and arrays made for a test."""

import functools
from pathlib import Path

import numpy as np

from saddle.data import DataOptions, Source, open_source


def fresh(source: str, **settings: object) -> Source:
    return open_source(DataOptions(source=source, **settings))  # type: ignore[arg-type]


opened = functools.cache(fresh)  # an embedded source is the same in every file of tests, and none of them changes it


def array(folder: Path, images: np.ndarray, **settings: object) -> Source:
    np.save(folder / "images.npy", images)
    return fresh(f"array:{folder / 'images.npy'}", **settings)


def noise(*shape: int, kind: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, np.iinfo(kind).max, shape, dtype=kind, endpoint=True)
