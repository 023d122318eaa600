"""A step of CycleGAN at batch 1, at its paper's settings: Saddle against the usual loop, for images of two sizes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from saddle.runs.session import Training

from . import photos
from .against import against
from .timing import Figure
from .trainings import open_training
from .usual_cyclegan import usual_cyclegan

IMAGES = 64  # of each domain


def measure(folder: Path, seconds: float) -> dict[str, Figure]:
    """Ratios of the usual loop's seconds a step to Saddle's, and Saddle's seconds."""
    return steps(folder, 64, seconds / 2) | steps(folder, 128, seconds / 2)


def steps(folder: Path, side: int, seconds: float) -> dict[str, Figure]:
    """Of images of so many pixels a side."""
    images = photos.crops(2 * IMAGES, side)
    source = write(folder / str(side), images)
    data = torch.from_numpy(images).permute(0, 3, 1, 2).float().div(127.5).sub(1).contiguous()

    def opened(precision: str) -> Training:
        return open_training("cyclegan", source, folder / f"{side}-{precision}", batch=1, precision=precision)

    return against(f"cyclegan{side}", opened, lambda _: usual_cyclegan(draw(data), side, 6), seconds)


def write(folder: Path, images: np.ndarray) -> str:
    """The source of two domains, half of the images each."""
    for domain, part in zip("AB", np.split(images, 2), strict=True):
        (folder / f"train{domain}").mkdir(parents=True)
        for i, image in enumerate(part):
            Image.fromarray(image).save(folder / f"train{domain}" / f"{i:03}.png")
    return f"domains:{folder}"


def draw(data: Tensor) -> Callable[[], tuple[Tensor, Tensor]]:
    """A function that draws an image [1, 3, H, W] of each domain."""

    def batch() -> tuple[Tensor, Tensor]:
        a, b = torch.randint(IMAGES, (2, 1))
        return data[a], data[IMAGES + b]

    return batch
