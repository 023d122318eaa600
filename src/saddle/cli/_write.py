"""Samples to files, by the suffix that was asked for."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import pictures
from ..errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from ..run import Run


def samples(run: "Run", made: "Tensor", path: Path, columns: int | None = None) -> Path:
    """Write images uint8 [N, C, H, W] or points [N, D] as .png (a grid or scatter), .npy or, points only, .csv."""
    is_image = made.ndim == 4
    suffixes = [".png", ".npy"] if is_image else [".png", ".npy", ".csv"]
    if path.suffix not in suffixes:
        raise UsageError(f"--out {path}: the name ends in {', '.join(suffixes)}, not '{path.suffix}'")
    if path.suffix == ".png":
        real = None if is_image else (run.source.heldout or run.source.train).take(slice(2000))["image"]
        return pictures.save(pictures.grid(made, columns) if is_image else pictures.scatter(real, made), path)
    data = io.BytesIO()
    if path.suffix == ".npy":
        np.save(data, made.numpy(), allow_pickle=False)
    else:
        np.savetxt(data, made.numpy(), "%.9g", ",")
    return pictures.replace(path, data.getvalue())


def each(images: "Tensor", folder: Path, names: list[str] | None = None) -> list[Path]:
    """Write every image as a PNG of its own: 00000.png, …, or the names given. The folder must be new or empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} exists and is not an empty folder; choose another, so that nothing is overwritten")
    names = names or [f"{i:05d}" for i in range(len(images))]
    return [one(image, folder / f"{name}.png") for name, image in zip(names, images, strict=True)]


def one(image: "Tensor", path: Path) -> Path:
    """Write an image [C, H, W], pixel for pixel."""
    if path.suffix != ".png":
        raise UsageError(f"--out {path}: the name ends in .png, not '{path.suffix}'")
    return pictures.save(pictures.grid(image[None], padding=0, scale=1), path)
