"""A run's translation of images as they come: tensors, arrays, pictures, paths, or lists of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..base import rng
from ..base.errors import SaddleError, UsageError, near, some
from ..data import decode, pieces
from ..data.options import DataOptions
from ..spec import HOLE, LOST, Batch
from ..spec.changes import ALL
from ..tasks import Translation
from ..use import editing, original
from ..use.imaging import padding, reflected
from ..use.original import Original
from ..use.translating import Translator, Way
from . import asking, reading, remembering
from .asking import To, Wish

if TYPE_CHECKING:
    from .run import Run

AT_ONCE = 64  # tensors at a time
BETWEEN = 0.25  # share of a mask's pixels that may be neither black nor white: its soft edges

Clusters = Mapping[int, int] | None  # what objects are to look like, by their numbers


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
    if options.piece or (field.free and options.loaded is None) or pieces(options):
        return None
    return min(options.loaded or field.shape[-2:])


def fills(game: Translation) -> bool:
    """Has it learned to fill holes?"""
    return any(field.kind == "mask" and field.title == HOLE for field in game.data.fields.values())


def check_mask(run: Run) -> None:
    """UsageError unless the run has learned to fill holes, or looks at a mask beside its images."""
    game = run.as_(Translation)
    if not fills(game) and asking.key_beside(game, "mask") is None:
        raise UsageError(
            f"{run.recipe.game} on {run.recipe.data.source} has not learned to fill holes, so a mask is of no use to "
            "it; train on data with holes, such as --data holes or --data holes:PATH"
        )


def masks_of(mask: Any, of: Original, works: Translator) -> tuple[np.ndarray | None, dict[str, np.ndarray]]:
    """A mask as the hole that a run fills, bool [H, W], or None; and as what its game looks at beside, by key."""
    white, key = hole_of(mask, of, works.options), asking.key_beside(works.game, "mask")
    return white if fills(works.game) else None, {key: white} if key else {}


def translate(
    run: Run,
    images: Any,
    to: To = None,
    start: str | None = None,
    *,
    seed: int = 0,
    mask: Any = None,
    style: Any = None,
    labels: Any = None,
    instances: Any = None,
    clusters: Clusters = None,
    **way: Any,
) -> Any:
    """`Run.translate`."""
    game = run.as_(Translation)
    if mask is not None:
        check_mask(run)
    if style is not None:
        asking.check_styled(game)
    if clusters:
        asking.check_clusters(game, instances)
    if to is not None:
        wishes = asking.wishes(game, start, to)
    else:
        wishes = [asking.Wish(*game.way(start), "")] if labels is not None else asking.wishes(game, start)[-1:]
    works = translator(run, wishes[0].start, wishes[0].to, **way)
    if given := [name for name, value in way.items() if isinstance(images, Tensor) and value != getattr(Way, name)]:
        raise UsageError(f"a tensor is translated as it is, without {some(given)}; give an array or a picture")
    made = {}
    for wish in wishes:
        if isinstance(images, Tensor):
            each = asking.asked(works, replace(wish, label=None))
            more = _batch(each, wish, images, style, labels, instances, clusters)
            made[wish.title] = tensors(run, each, images, seed, mask, more)
        else:
            made[wish.title] = _each(works, wish, images, seed, mask, style, labels, instances, clusters)
    return made if to == ALL or not isinstance(to, str | None) else made[wishes[0].title]


def _each(
    works: Translator,
    wish: Wish,
    images: Any,
    seed: int,
    mask: Any,
    style: Any,
    labels: Any,
    instances: Any,
    clusters: Clusters,
) -> Any:
    """Arrays, pictures and paths, one after the other."""
    given, each, packed = reading.taken(images)
    n = len(given)
    if mask is not None and each and not (isinstance(mask, list | tuple) or getattr(mask, "ndim", 0) > 2):
        raise UsageError("of several images each has a mask of its own; give a list of masks")
    masks = list(mask) if mask is not None and each else [mask] * n
    if len(masks) != n:
        raise UsageError(f"there are {n} images and {len(masks)} masks; give one for each")
    styles = asking.each_or_all(style, n, "styles", each)
    shown = asking.each_or_all(labels, n, "labels", each)
    objects = asking.each_or_all(instances, n, "maps of instances", each)
    made = []
    for i, image in enumerate(given):
        one = asking.asked(works, asking.labelled(wish, works.game, shown[i]), _style(works, wish, styles[i]))
        made.append(_one(one, image, masks[i], objects[i], clusters, (seed, i)))
    return packed(made)


def _style(works: Translator, wish: Wish, style: Any) -> Tensor | None:
    """An image of the domain wanted, as it comes, as planes [N, K, h, w]; a tensor is such planes."""
    if style is None:
        return None
    each = asking.asked(works, wish)
    if isinstance(style, Tensor):
        planes = style[None] if style.ndim == 3 else style
        if planes.ndim != 4 or planes.shape[1] != each.wanted.planes or not planes.is_floating_point():
            raise UsageError(
                f"a style as a tensor is float [{each.wanted.planes}, H, W], or one for each image, not {style.dtype} "
                f"{[*style.shape]}"
            )
        return planes
    return asking.style_of(each, reading.read(each.reader, style))


def _batch(
    works: Translator, wish: Wish, images: Tensor, style: Any, labels: Any, instances: Any, clusters: Clusters
) -> Batch:
    """What stands beside images of a tensor, a row for each of them."""
    n, more = len(images), Batch()
    if (planes := _style(works, wish, style)) is not None:
        if len(planes) not in (1, n):
            raise UsageError(f"there are {n} images and {len(planes)} styles; give one for each, or one for all")
        more["style"] = planes.to(works.game.dtype).expand(n, -1, -1, -1)
    if (label := asking.label_batch(works.game, labels, wish, n)) is not None:
        more["label"] = label.to(works.game.dtype) if label.is_floating_point() else label
    if instances is not None:
        key = asking.check_instances(works.game)
        numbers = torch.as_tensor(instances)
        if numbers.shape != (n, *images.shape[-2:]) or numbers.is_floating_point():
            raise UsageError(
                f"the instances of images {[*images.shape]} are whole numbers [N, H, W], not {numbers.dtype} "
                f"{[*numbers.shape]}"
            )
        more[key] = numbers.long()
        if clusters:
            more["clusters"] = torch.from_numpy(np.stack([editing.looks(each, clusters) for each in numbers.numpy()]))
    return more


def tensors(
    run: Run, works: Translator, images: Tensor, seed: int, mask: Tensor | None = None, more: Batch | None = None
) -> Tensor:
    """Images float [N, C, H, W] in [-1, 1], or classes int64 [N, H, W], of any size → as `Run.whole` gives them.

    `more` is what stands beside, a row for each image.
    UsageError for other tensors, SaddleError for results that are not finite.
    Without random numbers as many at a time as memory likes; else each has its own, by the seed and its place.

    Returns [N, …]; a mask is [N, 1, H, W].
    """
    _check_tensor(works, images, mask)
    game, way = works.game, works.way
    known, more = None, dict(more or {})
    if mask is not None:
        hole = mask.reshape(-1, 1, *mask.shape[-2:]).bool().expand(len(images), 1, *images.shape[-2:])
        if key := asking.key_beside(game, "mask"):
            more[key] = hole.to(game.dtype)
        if fills(game):
            known, images = images, images.masked_fill(hole, LOST / 127.5 - 1)
    own = images.shape[-2:]
    size, (top, left) = padding((own[0], own[1]), *works.steps())
    more = {name: reflected(x, size, (top, left)) if name in game.beside else x for name, x in more.items()}
    made = []
    for place, part in reading.portions(images, 1 if game.varies else AT_ONCE):
        rows = slice(place, place + len(part))
        x = reflected(part, size, (top, left)).to(run.device)
        x = x.to(game.dtype) if x.is_floating_point() else x.long()
        batch = {way.start: x} | {name: each[rows].to(run.device) for name, each in more.items()}
        with rng.apart("translate", seed, place):
            out = game.translate(batch, way.to)[..., top : top + own[0], left : left + own[1]]
        if not out.isfinite().all():
            raise SaddleError("the network gave numbers that are not finite")
        if known is not None:
            out = torch.where(hole[rows].to(out.device), out, known[rows].to(out.device, out.dtype))
        made.append(out.argmax(1).cpu() if works.wanted.kind == "map" else run.whole(out))
    return torch.cat(made)


def _check_tensor(works: Translator, images: Tensor, mask: Tensor | None) -> None:
    """UsageError for a tensor that is none of this domain's images, and for a mask that does not fit."""
    reading.check_tensor(images, works, works.game.sized)
    if mask is not None and (mask.shape[-2:] != images.shape[-2:] or mask[..., 0, 0].numel() not in (1, len(images))):
        raise UsageError(f"the mask of images {[*images.shape]} is [N, 1, H, W], not {[*mask.shape]}")


def _one(works: Translator, image: Any, mask: Any, instances: Any, clusters: Clusters, key: tuple[object, ...]) -> Any:
    """One array, picture or path in the other domain: the like of it; of a path a picture."""
    given = reading.read(works, image, convert=mask is None or not fills(works.game))
    hole, beside = (None, {}) if mask is None else masks_of(mask, given, works)
    if instances is not None:
        beside |= (found := asking.instances_of(instances, given, works))
        if clusters:
            beside["clusters"] = editing.looks(next(iter(found.values())), clusters)
    return reading.like(image, works(given, key, hole, beside), works)


def hole_of(mask: Any, of: Original, options: DataOptions) -> np.ndarray:
    """A mask, white where the image has lost its pixels, as bool [H, W]. What is transparent in it is not white.

    UsageError for one of another size, and for a picture of which more than a quarter is neither dark nor bright.
    """
    if isinstance(mask, np.ndarray) and mask.dtype == bool:
        hole = mask
    elif isinstance(mask, Tensor):
        alone = mask.shape[-2:].numel() == mask.numel()  # of one image
        hole = (mask.reshape(mask.shape[-2:]) if alone else mask).bool().cpu().numpy()
    else:
        given = _mask(mask, options)
        half = np.iinfo(given.pixels.dtype).max // 2
        hole = (brightest := given.pixels.max(2)) > half
        if (between := float(np.mean((brightest > half // 2) & (brightest < 2 * half - half // 2)))) > BETWEEN:
            raise UsageError(
                f"{mask if isinstance(mask, str | Path) else 'this'} is no mask: {between:.0%} of its pixels are "
                "neither black nor white; a mask is white where a hole, or a shadow, is, and black elsewhere"
            )
        if given.alpha is not None:
            hole &= given.alpha > half
    asking.check_size("the mask has", hole, of)
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
