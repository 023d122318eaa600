"""A run's translation of images as they come: tensors, arrays, pictures, paths, or lists of these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..base import rng
from ..base.errors import SaddleError, UsageError, near, some
from ..data import decode
from ..data.label_maps import class_map
from ..data.options import DataOptions
from ..spec import HOLE, LOST
from ..tasks import Translation
from ..use import original, writing
from ..use.original import Original
from ..use.translating import Made, Translator, Way, padding, reflected
from . import remembering

if TYPE_CHECKING:
    from .run import Run

AT_ONCE = 64  # tensors at a time


def translator(run: Run, start: str | None = None, to: str | None = None, **way: Any) -> Translator:
    """What translates this run's images one by one; `way` has the further settings of a `Way`."""
    game = run.as_(Translation)
    start, to = game.way(start, to)
    possible = [each.name for each in fields(Way) if each.name not in ("start", "to")]
    if unknown := sorted(set(way) - set(possible)):
        raise UsageError(
            f"translate has no setting '{unknown[0]}'{near(unknown[0], possible)}; there are {', '.join(possible)}"
        )
    return Translator(game, run.recipe.data, run.device, Way(start, to, **way), remembering.known(run, start))


def trained_side(run: Run, start: str) -> int | None:
    """The shorter side, in pixels, of the whole images of the training; None where they were pieces of larger ones.

    At this size a network has seen whole scenes, and knows nothing of larger ones.
    """
    options, field = run.recipe.data, run.spec.fields[start]
    if options.piece or (field.free and options.loaded is None):
        return None
    return min(options.loaded or field.shape[-2:])


def check_hole(run: Run) -> None:
    """UsageError unless the run has learned to fill holes."""
    if not any(field.kind == "mask" and field.title == HOLE for field in run.spec.fields.values()):
        raise UsageError(
            f"{run.recipe.game} on {run.recipe.data.source} has not learned to fill holes, so a mask is of no use to "
            "it; train on data with holes, such as --data holes"
        )


def translate(
    run: Run, images: Any, to: str | None = None, start: str | None = None, seed: int = 0, mask: Any = None, **way: Any
) -> Any:
    """`Run.translate`."""
    if mask is not None:
        check_hole(run)
    works = translator(run, start, to, **way)
    if isinstance(images, Tensor):
        if given := [name for name, value in way.items() if value != getattr(Way, name)]:
            raise UsageError(f"a tensor is translated as it is, without {some(given)}; give an array or a picture")
        return tensors(run, works, images, seed, mask)
    several = isinstance(images, Sequence) and not isinstance(images, str)
    stack = isinstance(images, np.ndarray) and images.ndim == 4
    given = list(images) if several or stack else [images]
    each = mask is not None and (several or stack)
    if each and not (isinstance(mask, list | tuple) or getattr(mask, "ndim", 0) > 2):
        raise UsageError("of several images each has a mask of its own; give a list of masks")
    masks = list(mask) if each else [mask] * len(given)
    if len(masks) != len(given):
        raise UsageError(f"there are {len(given)} images and {len(masks)} masks; give one for each")
    made = [_one(works, image, hole, (seed, i)) for i, (image, hole) in enumerate(zip(given, masks, strict=True))]
    if stack:
        return np.stack(made)
    return made if several else made[0]


def tensors(run: Run, works: Translator, images: Tensor, seed: int, mask: Tensor | None = None) -> Tensor:
    """Images float [N, C, H, W] in [-1, 1], or classes int64 [N, H, W], of any size → as `Run.whole` gives them.

    UsageError for other tensors, SaddleError for results that are not finite.
    Without random numbers as many at a time as memory likes; else each has its own, by the seed and its place.
    """
    _check_tensor(run, works, images, mask)
    game, way = works.game, works.way
    known = None
    if mask is not None:
        hole = mask.reshape(-1, 1, *mask.shape[-2:]).bool().expand(len(images), 1, *images.shape[-2:])
        known, images = images, images.masked_fill(hole, LOST / 127.5 - 1)
    own = images.shape[-2:]
    size, (top, left) = padding((own[0], own[1]), *works.steps())
    made = []
    for place, part in _portions(images, 1 if game.varies else AT_ONCE):
        x = reflected(part, size, (top, left)).to(run.device)
        x = x.to(game.dtype) if x.is_floating_point() else x
        with rng.apart("translate", seed, place):
            out = game.translate({way.start: x}, way.to)[..., top : top + own[0], left : left + own[1]]
        if not out.isfinite().all():
            raise SaddleError("the network gave numbers that are not finite")
        if known is not None:
            rows = slice(place, place + len(part))
            out = torch.where(hole[rows].to(out.device), out, known[rows].to(out.device, out.dtype))
        made.append(out.argmax(1).cpu() if works.wanted.kind == "map" else run.whole(out))
    return torch.cat(made)


def _check_tensor(run: Run, works: Translator, images: Tensor, mask: Tensor | None) -> None:
    """UsageError for a tensor that is none of this domain's images, and for a mask that does not fit."""
    game, way, field = works.game, works.way, works.given
    channels = () if field.kind == "map" else (field.planes,)
    if images.ndim != 3 + len(channels) or tuple(images.shape[1:-2]) != channels:
        wanted = ", ".join(["N", *map(str, channels), "H", "W"])
        raise UsageError(f"images of '{game.title(way.start)}' are [{wanted}], not {[*images.shape]}")
    if not images.is_floating_point() and field.kind != "map":
        raise UsageError(
            f"images as a tensor are floats in [-1, 1], not {images.dtype}; give an array of {images.dtype}"
        )
    if 0 in images.shape:
        raise UsageError(f"images of {[*images.shape]} have no pixels")
    if game.sized and images.shape[-2:] != field.shape[-2:]:
        raise UsageError(f"{run.recipe.game} translates images of {field.shape[-2:]} alone, not {[*images.shape]}")
    if mask is not None and (mask.shape[-2:] != images.shape[-2:] or mask[..., 0, 0].numel() not in (1, len(images))):
        raise UsageError(f"the mask of images {[*images.shape]} is [N, 1, H, W], not {[*mask.shape]}")


def _portions(images: Tensor, most: int) -> list[tuple[int, Tensor]]:
    return [(i * most, part) for i, part in enumerate(images.split(most))]


def _one(works: Translator, image: Any, mask: Any, key: tuple[object, ...]) -> Any:
    """One array, picture or path in the other domain: the like of it; of a path a picture."""
    given = read(works, image, convert=mask is None)
    made = works(given, key, None if mask is None else hole_of(mask, given, works.options))
    return _like(image, made, works)


def read_file(works: Translator, path: Path, page: int = 0, convert: bool = True) -> Original:
    """The image, or the label map, in this file. decode.Unreadable says why not."""
    options = works.options
    with decode.reading():
        if works.given.kind == "map":
            return Original(class_map(path, works.given, options.max_megapixels)[..., None])
        return original.read(path, options.max_megapixels, page, options.range is not None, convert)


def read(works: Translator, image: Any, convert: bool = True) -> Original:
    """An array uint8 or uint16 [H, W] or [H, W, C], a picture of Pillow's, or the path of one.

    Of classes an array of whole numbers [H, W], or the path of a label map.
    """
    if isinstance(image, np.ndarray) and works.given.kind == "map":
        return _classes(works, image)
    if isinstance(image, np.ndarray):
        if 0 in image.shape:
            raise UsageError(f"an image of {[*image.shape]} has no pixels")
        if image.dtype not in (np.uint8, np.uint16) or image.ndim not in (2, 3) or (image.shape[2:] or (1,))[0] > 4:
            raise UsageError(
                "an image as an array is uint8 or uint16 [H, W] or [H, W, C] with 1 to 4 channels, not "
                f"{image.dtype} {[*image.shape]}"
            )
        return original.of_array(image)
    if isinstance(image, Image.Image):
        return original.of_picture(image)
    if isinstance(image, str | Path):
        try:
            return read_file(works, Path(image), convert=convert)
        except decode.Unreadable as error:
            raise SaddleError(f"{image}: {error}") from None
    raise UsageError(f"images are tensors, arrays, PIL images, paths, or lists of these, not {type(image).__name__}")


def _classes(works: Translator, classes: np.ndarray) -> Original:
    most = works.given.planes - 1
    if classes.ndim != 2 or classes.dtype.kind not in "iu" or not (classes.min() >= 0 and classes.max() <= most):
        raise UsageError(
            f"a label map as an array is of whole numbers [H, W] from 0 to {most}, not {classes.dtype} "
            f"{[*classes.shape]}"
        )
    return Original(classes.astype(np.int64)[..., None])


def hole_of(mask: Any, of: Original, options: DataOptions) -> np.ndarray:
    """A mask, white where the image has lost its pixels, as bool [H, W]. UsageError for one of another size.

    What is transparent in it is not white.
    """
    if isinstance(mask, np.ndarray) and mask.dtype == bool:
        hole = mask
    elif isinstance(mask, Tensor):
        alone = mask.shape[-2:].numel() == mask.numel()  # of one image
        hole = (mask.reshape(mask.shape[-2:]) if alone else mask).bool().cpu().numpy()
    else:
        given = _mask(mask, options)
        half = np.iinfo(given.pixels.dtype).max // 2
        hole = given.pixels.max(2) > half
        if given.alpha is not None:
            hole &= given.alpha > half
    if tuple(hole.shape) != of.size:
        words = ("×".join(map(str, shape)) for shape in (hole.shape, of.size))
        raise UsageError("the mask has {} pixels (height × width) and its image {}".format(*words))
    return hole


def _mask(mask: Any, options: DataOptions) -> Original:
    """A mask as a path, a picture or an array of whole numbers."""
    if isinstance(mask, str | Path):
        try:
            with decode.reading():
                return original.read(Path(mask), options.max_megapixels, convert=False)
        except decode.Unreadable as error:
            raise SaddleError(f"{mask}: {error}") from None
    if isinstance(mask, Image.Image):
        return original.of_picture(mask)
    if isinstance(mask, np.ndarray) and mask.dtype in (np.uint8, np.uint16) and mask.ndim in (2, 3) and mask.size:
        return original.of_array(mask)
    raise UsageError(
        "a mask is a path, a picture, or an array [H, W]: bool, or uint8 or uint16 with white in the hole; not "
        + (f"{mask.dtype} {[*mask.shape]}" if isinstance(mask, np.ndarray) else type(mask).__name__)
    )


def _like(image: Any, made: Made, works: Translator) -> Any:
    if works.wanted.kind == "map":
        return made.pixels[..., 0]
    whole = made.pixels if made.alpha is None else np.concatenate([made.pixels, made.alpha[..., None]], 2)
    if not isinstance(image, np.ndarray):
        return writing.picture(whole)
    return whole[..., 0] if image.ndim == 2 and whole.shape[2] == 1 else whole
