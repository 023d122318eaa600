"""Images as they come (paths, arrays, pictures) as originals for use, and results as the like of what was given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from ..base.errors import SaddleError, UsageError
from ..data import decode
from ..data.label_maps import class_map
from ..use import original, writing
from ..use.imaging import Imaging, Made
from ..use.original import Original


def taken(images: Any) -> tuple[list[Any], bool, Callable[[list[Any]], Any]]:
    """Images one by one; whether they came as several; and what gives the results the type of the input."""
    if isinstance(images, np.ndarray) and images.ndim == 4:
        return [*images], True, np.stack
    if isinstance(images, Sequence) and not isinstance(images, str):
        return [*images], True, list
    return [images], False, lambda made: made[0]


def check_tensor(images: Tensor, works: Imaging, sized: bool) -> None:
    """UsageError for a tensor that is no batch of images [N, C, H, W], or label maps [N, H, W], as the game takes.

    `sized`: it takes those of the training's size alone.
    """
    field = works.given
    channels = () if field.kind == "map" else (field.planes,)
    if images.ndim != 3 + len(channels) or tuple(images.shape[1:-2]) != channels:
        wanted = ", ".join(["N", *map(str, channels), "H", "W"])
        raise UsageError(f"images of '{works.given_title}' are [{wanted}], not {[*images.shape]}")
    if field.kind == "map":
        _check_classes(images, field.planes)
    elif not images.is_floating_point():
        raise UsageError(
            f"images as a tensor are floats in [-1, 1], not {images.dtype}; give an array of {images.dtype}"
        )
    if 0 in images.shape:
        raise UsageError(f"images of {[*images.shape]} have no pixels")
    if sized and images.shape[-2:] != field.shape[-2:]:
        raise UsageError(f"{type(works.game).__name__} takes images of {field.shape[-2:]} alone, not {[*images.shape]}")


def portions(images: Tensor, most: int) -> list[tuple[int, Tensor]]:
    """At most `most` images [n, …] at a time, of images [N, …], each time with the place of the first."""
    return [(i * most, part) for i, part in enumerate(images.split(most))]


def read_file(works: Imaging, path: Path, page: int = 0, convert: bool = True) -> Original:
    """The image, or the label map, in this file. decode.Unreadable says why not."""
    options = works.options
    with decode.reading():
        if works.given.kind == "map":
            return Original(class_map(path, works.given, options.max_megapixels)[..., None])
        return original.read(path, options.max_megapixels, page, options.range is not None, convert)


def read(works: Imaging, image: Any, convert: bool = True) -> Original:
    """An array uint8 or uint16 [H, W] or [H, W, C], a picture of Pillow's, or the path of one.

    Of classes an array of whole numbers [H, W], or the path of a label map.
    """
    if isinstance(image, np.ndarray) and works.given.kind == "map":
        return _classes(works, image)
    if isinstance(image, str | Path):
        try:
            return read_file(works, Path(image), convert=convert)
        except decode.Unreadable as error:
            raise SaddleError(f"{image}: {error}") from None
    return original.in_memory(image)


def _classes(works: Imaging, classes: np.ndarray) -> Original:
    most = works.given.planes - 1
    if classes.ndim != 2 or classes.dtype.kind not in "iu" or not (classes.min() >= 0 and classes.max() <= most):
        raise UsageError(
            f"a label map as an array is of whole numbers [H, W] from 0 to {most}, not {classes.dtype} "
            f"{[*classes.shape]}"
        )
    return Original(classes.astype(np.int64)[..., None])


def like(image: Any, made: Made, works: Imaging) -> Any:
    """A result as the image came: of an array an array, of anything else a picture."""
    if works.wanted.kind == "map":
        return made.pixels[..., 0]
    whole = made.pixels if made.alpha is None else np.concatenate([made.pixels, made.alpha[..., None]], 2)
    if not isinstance(image, np.ndarray):
        return writing.picture(whole)
    return whole[..., 0] if image.ndim == 2 and whole.shape[2] == 1 else whole


def _check_classes(classes: Tensor, n: int) -> None:
    """UsageError for a tensor of a label map that holds what is none of n classes."""
    if classes.is_floating_point() or (classes.numel() and not (classes.min() >= 0 and classes.max() < n)):
        held = f", {classes.min():g} to {classes.max():g}" if classes.numel() else ""
        raise UsageError(
            f"a label map as a tensor is of whole numbers [N, H, W] from 0 to {n - 1}, not {classes.dtype}{held}"
        )
