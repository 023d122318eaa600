"""A step of CycleGAN at batch 1, at its paper's settings: Saddle against the usual loop, for images of two sizes.

`saddle` is the precision that it chooses itself, `saddle fp32` that of the usual loop.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from . import photos
from .timing import Figure, Times, interleave
from .trainings import open_training, rounds
from .usual_cyclegan import usual_cyclegan

IMAGES = 64  # of each domain


def measure(folder: Path, seconds: float) -> dict[str, Figure]:
    """Ratios of the usual loop's seconds a step to Saddle's, and Saddle's seconds."""
    small, large = (steps(folder, side, seconds / 2) for side in (64, 128))
    return {
        "cyclegan64.ratio_to_usual_loop": small.ratio("usual", "saddle"),
        "cyclegan64.ratio_at_equal_precision": small.ratio("usual", "saddle fp32"),
        "cyclegan64.seconds_a_step": small.of("saddle"),
        "cyclegan128.ratio_to_usual_loop": large.ratio("usual", "saddle"),
        "cyclegan128.ratio_at_equal_precision": large.ratio("usual", "saddle fp32"),
        "cyclegan128.seconds_a_step": large.of("saddle"),
    }


def steps(folder: Path, side: int, seconds: float) -> Times:
    """Of images of so many pixels a side."""
    images = photos.crops(2 * IMAGES, side)
    source = write(folder / str(side), images)
    data = torch.from_numpy(images).permute(0, 3, 1, 2).float().div(127.5).sub(1).contiguous()
    programs = {
        "usual": usual_cyclegan(draw(data), side, 6),
        "saddle": rounds(open_training("cyclegan", source, folder / f"{side}-auto", batch=1)),
        "saddle fp32": rounds(open_training("cyclegan", source, folder / f"{side}-fp32", batch=1, precision="fp32")),
    }
    return interleave(programs, seconds)


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
