"""A run's translation of images as they come: tensors, arrays, pictures, paths, or lists of these."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..base import rng
from ..base.errors import SaddleError, UsageError
from ..data import decode
from ..data.label_maps import class_map
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
        return tensors(run, works, images, seed, mask)
    several = isinstance(images, Sequence) and not isinstance(images, str)
    stack = isinstance(images, np.ndarray) and images.ndim == 4
    given = list(images) if several or stack else [images]
    masks = list(mask) if mask is not None and (several or stack) else [mask] * len(given)
    if len(masks) != len(given):
        raise UsageError(f"there are {len(given)} images and {len(masks)} masks; give one for each")
    made = [_one(works, image, hole, (seed, i)) for i, (image, hole) in enumerate(zip(given, masks, strict=True))]
    if stack:
        return np.stack(made)
    return made if several else made[0]


def tensors(run: Run, works: Translator, images: Tensor, seed: int, mask: Tensor | None = None) -> Tensor:
    """Images float [N, C, H, W] in [-1, 1], or classes int64 [N, H, W], of any size → as `Run.whole` gives them.

    Without random numbers as many at a time as memory likes; else each has its own, by the seed and its place.
    """
    game, way, field = works.game, works.way, works.given
    channels = () if field.kind == "map" else (field.planes,)
    if images.ndim != 3 + len(channels) or tuple(images.shape[1:-2]) != channels:
        wanted = ", ".join(["N", *map(str, channels), "H", "W"])
        raise UsageError(f"images of '{game.title(way.start)}' are [{wanted}], not {[*images.shape]}")
    if game.sized and images.shape[-2:] != field.shape[-2:]:
        raise UsageError(f"{run.recipe.game} translates images of {field.shape[-2:]} alone, not {[*images.shape]}")
    known = None
    if mask is not None:
        hole = mask.view(-1, 1, *mask.shape[-2:]).bool().expand(len(images), 1, *images.shape[-2:])
        known, images = images, images.masked_fill(hole, LOST / 127.5 - 1)
    own = images.shape[-2:]
    size, (top, left) = padding((own[0], own[1]), *works.steps())
    made = []
    for place, part in _portions(images, 1 if game.varies else AT_ONCE):
        x = reflected(part, size, (top, left)).to(run.device)
        x = x.to(game.dtype) if x.is_floating_point() else x
        with rng.apart("translate", seed, place):
            out = game.translate({way.start: x}, way.to)[..., top : top + own[0], left : left + own[1]]
        if known is not None:
            rows = slice(place, place + len(part))
            out = torch.where(hole[rows].to(out.device), out, known[rows].to(out.device, out.dtype))
        made.append(out.argmax(1).cpu() if works.wanted.kind == "map" else run.whole(out))
    return torch.cat(made)


def _portions(images: Tensor, most: int) -> list[tuple[int, Tensor]]:
    return [(i * most, part) for i, part in enumerate(images.split(most))]


def _one(works: Translator, image: Any, mask: Any, key: tuple[object, ...]) -> Any:
    """One array, picture or path in the other domain: the like of it; of a path a picture."""
    given = read(works, image, convert=mask is None)
    made = works(given, key, None if mask is None else hole_of(mask, given))
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


def hole_of(mask: Any, of: Original) -> np.ndarray:
    """A mask, white where the image has lost its pixels, as bool [H, W]. UsageError for one of another size."""
    if isinstance(mask, np.ndarray) and mask.dtype == bool:
        hole = mask
    elif isinstance(mask, Tensor):
        hole = mask.bool().view(mask.shape[-2:]).numpy()
    else:
        if isinstance(mask, str | Path):
            try:
                with decode.reading():
                    given = original.read(Path(mask), float("inf"), convert=False)
            except decode.Unreadable as error:
                raise SaddleError(f"{mask}: {error}") from None
        else:
            given = original.of_picture(mask) if isinstance(mask, Image.Image) else original.of_array(mask)
        hole = given.pixels.max(2) > np.iinfo(given.pixels.dtype).max // 2
    if hole.shape != of.size:
        words = (f"{height}×{width}" for height, width in (hole.shape, of.size))
        raise UsageError("the mask has {} pixels (height × width) and its image {}".format(*words))
    return hole


def _like(image: Any, made: Made, works: Translator) -> Any:
    if works.wanted.kind == "map":
        return made.pixels[..., 0]
    whole = made.pixels if made.alpha is None else np.concatenate([made.pixels, made.alpha[..., None]], 2)
    if not isinstance(image, np.ndarray):
        return writing.picture(whole)
    return whole[..., 0] if image.ndim == 2 and whole.shape[2] == 1 else whole
