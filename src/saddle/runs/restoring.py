"""A run's restoration of images as they come: tensors, arrays, pictures, paths, or lists of these."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ..base.errors import UsageError, some
from ..spec import Batch
from ..tasks import Restoration
from ..use import landmarks as marks
from ..use.restoring import How, Restorer
from . import reading

if TYPE_CHECKING:
    from .run import Run

AT_ONCE = 64  # images of a tensor at a time
OF_FILES = ("bits", "alpha")  # what is chosen of images that are no tensors


def restorer(run: Run, **how: Any) -> Restorer:
    """What restores images of this run one by one; `how` has settings of a `How`, and what its game lets choose."""
    game, names = run.as_(Restoration), {each.name for each in fields(How)}
    use = run.use(Restoration, {name: value for name, value in how.items() if name not in names})
    way = How(**{name: value for name, value in how.items() if name in names and value is not None})
    return Restorer(game, run.recipe.data, run.device, way, use)


def restore(run: Run, images: Any, *, seed: int = 0, landmarks: Any = None, **how: Any) -> Any:
    """`Run.restore`."""
    works, points = restorer(run, **how), landmarks
    if isinstance(images, Tensor):
        if given := [name for name in OF_FILES if how.get(name) is not None]:
            raise UsageError(f"a tensor is restored as it is, without {some(given)}; give an array or a picture")
        return _tensors(run, works, images, seed, points)
    each, several, packed = reading.taken(images)
    rows = [points] if points is not None and not several else points
    if rows is not None and len(rows) != len(each):
        raise UsageError(f"there are {len(each)} images and landmarks of {len(rows)}; give those of each")
    made = []
    for i, image in enumerate(each):
        beside = {} if rows is None else {marks.LANDMARKS: _points(works, rows[i])}
        result = works(reading.read(works, image), (seed, i), beside=beside)
        made.append(reading.like(image, result, works))
    return packed(made)


def count(works: Restorer) -> int:
    """How many landmarks its game looks at. UsageError if it looks at none."""
    if marks.LANDMARKS not in works.game.beside:
        raise UsageError(f"{type(works.game).__name__} looks at no landmarks; leave them out")
    return works.game.data.fields[marks.LANDMARKS].shape[0] // 2


def _points(works: Restorer, given: Any) -> np.ndarray:
    """Landmarks of an image as [K, 2]. UsageError for what is none."""
    points, n = np.asarray(given, np.float64), count(works)
    if points.size != 2 * n or not np.isfinite(points).all():
        raise UsageError(f"landmarks are {n} points x, y in pixels of the image, [{n}, 2], not {[*points.shape]}")
    return points.reshape(n, 2)


def _tensors(run: Run, works: Restorer, images: Tensor, seed: int, points: Any) -> Tensor:
    """Images float [N, C, h, w] in [-1, 1] → as `Run.whole` gives them, [N, C, H, W]."""
    reading.check_tensor(images, works, works.game.sized)
    beside: Batch = {}
    if points is not None:
        if len(points) != len(images):
            raise UsageError(f"there are {len(images)} images and landmarks of {len(points)}; give those of each")
        own = (images.shape[-2], images.shape[-1])
        placed = [marks.placed(_points(works, each), own, own, "squash") for each in points]
        beside = works.points(torch.from_numpy(np.stack(placed)))
    made = []
    for place, part in reading.portions(images, AT_ONCE):
        rows = {name: each[place : place + len(part)] for name, each in beside.items()}
        made.append(run.whole(works.through(part, (seed, place), rows)[0]))
    return torch.cat(made)
