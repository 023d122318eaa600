"""A run's detection of images as they come: tensors, arrays, pictures, paths, or lists of these."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from ..base.errors import SaddleError, UsageError
from ..data import decode, pieces
from ..data.picture import with_channels
from ..tasks import Detection, Finding
from ..use import original
from ..use.detecting import Found, Seen, View
from . import calibration
from .calibration import Judge, Threshold

if TYPE_CHECKING:
    from .run import Run

T = TypeVar("T")
AT_ONCE = 64  # images, or pieces of them, at a time
PIXELS = 1 << 24  # of images at their own sizes that wait for others


def view(run: Run) -> View:
    """How this run's images were read. UsageError for a run on something else than images."""
    field, options = run.spec.fields[run.as_(Detection).needs[0]], run.recipe.data
    if field.kind != "image":
        raise UsageError(f"{run.recipe.game} was trained on {field} here; images are of no use to it")
    return View(options, field, options.cuts or pieces(options))


def detect(run: Run, images: Any, threshold: Threshold = None, **use: Any) -> Any:
    """`Run.detect`."""
    chosen = run.use(Detection, use)
    by = calibration.judge(run, threshold, chosen)
    if isinstance(images, Tensor):
        return _judged(of_tensor(run, images, chosen), by)
    stack = isinstance(images, np.ndarray) and images.ndim == 4
    several = stack or (isinstance(images, Sequence) and not isinstance(images, str))
    sight = view(run)
    given = ((None, sight.see(picture)) for picture in map(reader(run), images if several else [images]))
    found = [judged(each, by) for _, each in each_found(run, given, sight, chosen)]
    for one in found:
        one.check()
    return found if several else found[0]


def of_tensor(run: Run, images: Tensor, chosen: Any) -> Finding:
    """Of float images [N, C, H, W] in [-1, 1], on the processor. UsageError for other tensors."""
    game = run.as_(Detection)
    shape = run.spec.fields[game.needs[0]].shape
    if images.ndim != 4 or tuple(images.shape[1:]) != shape or not images.is_floating_point() or not len(images):
        wanted = ", ".join(["N", *map(str, shape)])
        raise UsageError(
            f"images as a tensor are float [{wanted}] in [-1, 1], not {images.dtype} {[*images.shape]}; of other sizes "
            "give arrays, pictures or paths"
        )
    found = [game.detect_with(x.to(run.device, game.dtype), chosen) for x in images.split(AT_ONCE)]
    normal = None if found[0].normal is None else _whole([part.normal for part in found if part.normal is not None])
    return Finding(
        _whole([part.score for part in found]),
        _whole([part.map for part in found]),
        {name: _whole([part.parts[name] for part in found]) for name in found[0].parts},
        normal,
    )


def _whole(parts: Sequence[Tensor]) -> Tensor:
    return torch.cat([part.detach().float().cpu() for part in parts])


def _judged(found: Finding, by: Judge) -> Finding:
    """With verdicts, where there is a threshold. SaddleError for scores that are not finite."""
    if bad := int((~(found.score.isfinite() & found.map.flatten(1).isfinite().all(1))).sum()):
        raise SaddleError(f"the network gave numbers that are not finite for {bad} of {len(found.score)} images")
    each = [by(score) for score in found.score.tolist()]
    quantiles = None if by.calibration is None else torch.tensor([quantile for quantile, _ in each])
    return found._replace(
        quantile=quantiles, anomalous=None if by.threshold is None else found.score.double() > by.threshold
    )


def judged(found: Found, by: Judge) -> Found:
    """With its verdict, where there is a threshold."""
    quantile, threshold = by(found.score)
    return replace(found, quantile=quantile, threshold=threshold)


def each_found(run: Run, images: Iterable[tuple[T, Seen]], sight: View, chosen: Any) -> Iterator[tuple[T, Found]]:
    """What is in each image, in order; no more of them are held at a time than fit into one call of the game."""
    waiting: list[tuple[T, Seen]] = []
    for name, seen in images:
        waiting.append((name, seen))
        pixels = sum(each.own[0] * each.own[1] for _, each in waiting)
        if sum(len(each.planes) for _, each in waiting) >= AT_ONCE or pixels >= PIXELS:
            yield from _found(run, waiting, sight, chosen)
            waiting = []
    yield from _found(run, waiting, sight, chosen)


@torch.no_grad()
def _found(run: Run, waiting: Sequence[tuple[T, Seen]], sight: View, chosen: Any) -> Iterator[tuple[T, Found]]:
    if not waiting:
        return
    whole = of_tensor(run, torch.cat([seen.planes for _, seen in waiting]), chosen)
    place = 0
    for name, seen in waiting:
        own = slice(place, place := place + len(seen.planes))
        parts = {part: values[own] for part, values in whole.parts.items()}
        normal = None if whole.normal is None else whole.normal[own]
        yield name, sight.found(seen, whole.score[own], whole.map[own], parts, normal)


def reader(run: Run) -> Callable[[Any], np.ndarray]:
    """What reads an array, a picture or a path as `decode.stored` reads a file. SaddleError for what is unreadable."""

    def read(image: Any) -> np.ndarray:
        if isinstance(image, str | Path):
            try:
                return stored(run, Path(image))
            except decode.Unreadable as error:
                raise SaddleError(f"{image}: {error}") from None
        given = original.in_memory(image)
        if given.alpha is None:
            return given.pixels
        return np.concatenate([with_channels(given.pixels, 3), given.alpha[..., None]], 2)

    return read


def stored(run: Run, path: Path, page: int = 0) -> np.ndarray:
    """The image in a file as a training would read it, [H, W, C]. decode.Unreadable says why not."""
    options = run.recipe.data
    with decode.reading():
        return decode.stored(path, options.max_megapixels, page, options.range is not None)
