"""Are defects found where they are? By every pixel's place in the map, and by how much of each defect is covered.

Pixel AUROC is over all pixels of all images, normal ones too. AUPRO counts every defect alike, however large it is.
The per-region overlap is the mean over connected components of the share that is covered. AUPRO is the area under it
over the share of normal pixels that are covered wrongly, from 0 to 0.3 (Bergmann et al., 2020, Section 4). https://arxiv.org/abs/1911.02357
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..base.errors import UsageError
from ..layers.simple_detectors import area, enlarged
from .detected import DETECTED, Detected, compared
from .evidence import Ingredient
from .metric import Compared, Metric

LIMIT = 0.3  # of normal pixels that are covered wrongly
CONNECTIVITY = 8  # pixels that touch at a corner are of one defect


def pixel_auroc(maps: Tensor, masks: Tensor) -> float:
    """The chance that a pixel of a defect stands out more than another, of maps [N, 1, h, w] and masks [N, 1, H, W].

    UsageError unless there are pixels of both kinds.
    """
    scores, inside = _pixels(maps, masks)
    return area(torch.from_numpy(scores), torch.from_numpy(inside))


def aupro(maps: Tensor, masks: Tensor, limit: float = LIMIT) -> float:
    """The area under the per-region overlap up to `limit`, as a share of `limit`; of maps and masks as `pixel_auroc`.

    Between two thresholds both rates go straight, so at the limit too.

    maps and masks are both [N, 1, H, W].
    """
    scores, inside = _pixels(maps, masks)
    which, sizes = _components(masks)
    share = np.where(inside, 1 / (sizes[which] * (len(sizes) - 1)), 0)  # of all overlap, by pixel; component 0 is none
    outside = np.sort(scores[~inside])
    least = outside[max(len(outside) - int(np.ceil(limit * len(outside))) - 1, 0)]
    looked_at = np.flatnonzero(scores >= least)  # at lower thresholds more pixels are wrong than the limit
    order = looked_at[np.argsort(-scores[looked_at], kind="stable")]
    last = np.append(np.diff(scores[order]) != 0, True)  # of equal scores
    wrong = np.concatenate([[0.0], np.cumsum(~inside[order])[last] / len(outside)])
    overlap = np.concatenate([[0.0], np.cumsum(share[order])[last]])
    beyond = int(np.argmax(wrong >= limit))  # the first point there
    start, end = wrong[beyond - 1], wrong[beyond]
    at_limit = overlap[beyond - 1] + (overlap[beyond] - overlap[beyond - 1]) * (limit - start) / (end - start)
    x, y = np.append(wrong[:beyond], limit), np.append(overlap[:beyond], at_limit)
    return min(1.0, float(np.trapezoid(y, x) / limit))


def _pixels(maps: Tensor, masks: Tensor) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """What the map says of every pixel of the masks, in their size, and which are of a defect."""
    if len(maps) != len(masks):
        raise UsageError(f"{len(maps)} maps are given, and {len(masks)} masks")
    inside = (masks > 0).flatten().cpu().numpy()
    if inside.all() or not inside.any():
        raise UsageError(f"{int(inside.sum()):,} of {len(inside):,} pixels are of a defect; there must be others too")
    return enlarged(maps.detach().float().cpu(), tuple(masks.shape[-2:])).flatten().numpy(), inside


def _components(masks: Tensor) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of every pixel which connected component it is of, from 1, and how many pixels each has; 0 is none."""
    from scipy.ndimage import label  # which scikit-learn brings along

    around = np.ones((3, 3), int) if CONNECTIVITY == 8 else None
    every, count = np.zeros((len(masks), *masks.shape[-2:]), np.int64), 0
    for here, mask in zip(every, (masks > 0).cpu().numpy()[:, 0], strict=True):
        found, n = label(mask, around)
        here[mask] = found[mask] + count
        count += n
    return every.reshape(-1), np.bincount(every.reshape(-1), minlength=count + 1)


def _of(detected: Detected, limit: float | None = None) -> float:
    assert detected.maps is not None
    assert detected.masks is not None
    if limit is None:
        return pixel_auroc(detected.maps, detected.masks)
    return aupro(detected.maps, detected.masks, limit)


def _auroc(detected: Detected) -> Compared:
    return compared("pixel_auroc", detected, _of)


def _aupro(detected: Detected) -> Compared:
    return compared("aupro", detected, lambda of: _of(of, LIMIT))


MASKED: Ingredient[bool] = Ingredient(
    "masked", "a game that finds what is unusual, and held-out images with masks of their defects"
)

METRICS = {
    "pixel_auroc": Metric(
        "chance that a pixel of a defect stands out more than another one",
        "higher",
        (DETECTED, MASKED),
        lambda e: _auroc(e[DETECTED]),
        lambda e: _sides(e[DETECTED]),
    ),
    "aupro": Metric(
        "how much of each defect is covered, up to 30 % of normal pixels covered wrongly",
        "higher",
        (DETECTED, MASKED),
        lambda e: _aupro(e[DETECTED]),
        lambda e: {"limit": LIMIT, "connectivity": CONNECTIVITY, **_sides(e[DETECTED])},
    ),
}


def _sides(detected: Detected) -> dict[str, str | int | float]:
    """In a fingerprint: the masks' height and width, in which maps are compared."""
    assert detected.masks is not None
    height, width = detected.masks.shape[-2:]
    return {"mask_height": height, "mask_width": width}
