"""Samples to files, by the suffix that was asked for."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..base.errors import UsageError
from ..base.files import replace
from ..show import pictures

if TYPE_CHECKING:
    from torch import Tensor

    from ..runs.run import Run


def check_name(path: Path | None, is_image: bool) -> None:
    """UsageError for a name that does not say what to write, before anything is computed."""
    suffixes = [".png", ".npy"] if is_image else [".png", ".npy", ".csv"]
    if path and path.suffix not in suffixes:
        raise UsageError(f"--out {path}: the name should end in {', '.join(suffixes)}")


def check_film(path: Path) -> None:
    """UsageError for a name of a film that is not one."""
    if path.suffix not in (".gif", ".webp"):
        raise UsageError(f"--out {path}: the name of a film should end in .gif or .webp")


def check_folder(folder: Path) -> None:
    """UsageError unless the folder is new or empty, so that nothing is overwritten."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} exists and is not an empty folder; choose another, so that nothing is overwritten")


def samples(run: "Run", made: "Tensor", path: Path, texts: Sequence[str] = (), **look: int) -> Path:
    """Write images uint8 [N, C, H, W] or points [N, D] as .png (a grid or scatter), .npy or, points only, .csv.

    Images that were drawn for texts have these above them. `look` is for `pictures.grid`.
    """
    data = io.BytesIO()
    if path.suffix == ".npy":
        np.save(data, made.numpy(), allow_pickle=False)
    elif path.suffix == ".csv":
        np.savetxt(data, made.numpy(), "%.9g", ",")
    elif texts:
        return pictures.save(pictures.captioned(made, texts), path)
    elif made.ndim == 4:
        return pictures.save(pictures.grid(made, **look), path)
    else:
        real = (run.source.heldout or run.source.train).take(slice(2000))["image"]
        return pictures.save(pictures.scatter(real, made), path)
    return replace(path, data.getvalue())


def each(images: "Tensor", folder: Path, names: list[str] | None = None) -> list[Path]:
    """Write every image as a PNG of its own, pixel for pixel: 00000.png, …, or the names given."""
    names = names or [f"{i:05d}" for i in range(len(images))]
    return [
        pictures.save(pictures.grid(image[None], padding=0, scale=1), folder / f"{name}.png")
        for name, image in zip(names, images, strict=True)
    ]


def film(frames: "Tensor", path: Path, seconds: float = 0.1) -> Path:
    """Write images [N, C, H, W] as an endless GIF or WebP, by the name's suffix."""
    images = [pictures.grid(frame[None], padding=0, scale=1) for frame in frames]
    return pictures.animation(images, path, seconds, rest=1)
