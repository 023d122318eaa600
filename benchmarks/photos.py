"""Training data for the benchmarks: crops of the two photographs that scikit-learn brings along."""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_sample_images


def crops(n: int, size: int = 64, seed: int = 0) -> np.ndarray:
    """uint8 [n, size, size, 3], taken at random places."""
    rng = np.random.default_rng(seed)
    photos = load_sample_images().images
    out = np.empty((n, size, size, 3), np.uint8)
    for crop in out:
        photo = photos[rng.integers(len(photos))]
        top, left = (rng.integers(side - size) for side in photo.shape[:2])
        crop[:] = photo[top : top + size, left : left + size]
    return out


def write(path: Path, n: int = 2048, size: int = 64) -> Path:
    """The crops as a file that `--data array:FILE` reads."""
    np.save(path, crops(n, size))
    return path
