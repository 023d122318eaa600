"""Sources by name, and arrays made for a test."""

from pathlib import Path

import numpy as np

from saddle.data import DataOptions, Source, open_source


def opened(source: str, **settings: object) -> Source:
    return open_source(DataOptions(source=source, **settings))  # type: ignore[arg-type]


def array(folder: Path, images: np.ndarray, **settings: object) -> Source:
    np.save(folder / "images.npy", images)
    return opened(f"array:{folder / 'images.npy'}", **settings)


def noise(*shape: int, kind: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, np.iinfo(kind).max, shape, dtype=kind, endpoint=True)
