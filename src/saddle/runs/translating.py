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
from ..spec import HOLE, LOST
from ..tasks import Translation
from ..use import original, writing
from ..use.original import Original
from ..use.translating import Made, Translator, Way, padding, reflected

if TYPE_CHECKING:
    from .run import Run

AT_ONCE = 64  # tensors at a time


def translator(run: Run, start: str | None = None, to: str | None = None, **way: Any) -> Translator:
    """What translates this run's images one by one; `way` has the further settings of a `Way`."""
    game = run.as_(Translation)
    return Translator(game, run.recipe.data, run.device, Way(*game.way(start, to), **way))


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
    planes = field.as_planes(images) if field.kind == "map" and not images.is_floating_point() else images
    if planes.ndim != 4 or planes.shape[1] != field.planes:
        raise UsageError(f"images of '{game.title(way.start)}' are [N, {field.planes}, H, W], not {[*images.shape]}")
    if game.sized and planes.shape[-2:] != field.shape[-2:]:
        raise UsageError(f"{run.recipe.game} translates images of {field.shape[-2:]} alone, not {[*images.shape]}")
    known = None
    if mask is not None:
        hole = mask.view(-1, 1, *mask.shape[-2:]).bool().expand(len(planes), 1, *planes.shape[-2:])
        known, planes = planes, planes.masked_fill(hole, LOST / 127.5 - 1)
    own = planes.shape[-2:]
    size, (top, left) = padding((own[0], own[1]), *works.steps())
    made = []
    for place, part in _portions(planes, 1 if game.varies else AT_ONCE):
        x = reflected(part, size, (top, left)).to(run.device, game.dtype)
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


def read(works: Translator, image: Any, convert: bool = True) -> Original:
    """An array uint8 or uint16 [H, W] or [H, W, C], a picture of Pillow's, or the path of one."""
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
            with decode.reading():
                options = works.options
                return original.read(Path(image), options.max_megapixels, 0, options.range is not None, convert)
        except decode.Unreadable as error:
            raise SaddleError(f"{image}: {error}") from None
    raise UsageError(f"images are tensors, arrays, PIL images, paths, or lists of these, not {type(image).__name__}")


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
