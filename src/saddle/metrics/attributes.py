"""What a picture of the captions' grammar shows, read back from its pixels without a network, and how much is right.

The reader undoes the renderer: the colour that explains the pixels best, then the shape which, with the area and the
centroid found, covers them best. Its errors are those of the picture: rendered ones it reads without a mistake.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ..base.errors import UsageError
from ..spec.grammar import ATTRIBUTES, COLOURS, PLACES, RADII, below_middle, coverage, read
from ..spec.text import to_texts
from .drawing import Drawn, Sample
from .evidence import Evidence, Ingredient, Seen
from .ingredients import SAMPLES, drawn_for
from .metric import Estimate, Metric
from .score import Fingerprint
from .uncertainty import share_error

NOTHING = -1
EXPLAINED = 0.5  # share of a picture's squares that its shape must explain, or it shows none
FAIR = 1.5  # times larger than the largest shape, or smaller than the smallest, is no shape either
LIMIT = float(RADII[0, 1] * RADII[1, 0]) ** 0.5  # between small and large: the geometric mean


def shown(images: Tensor) -> Tensor:
    """Size, colour, shape and place of images [N, 3, H, W] in [-1, 1], int64 [N, 4]; -1 where there is no shape."""
    if images.ndim != 4 or images.shape[1] != 3:
        raise UsageError(f"the captions' checker reads images [N, 3, H, W], not {list(images.shape)}")
    x = (images.detach().cpu().double().nan_to_num(-1).clamp(-1, 1).numpy() + 1) / 2
    side = np.array(x.shape[:1:-1])  # width, height
    colour, covered = _coloured(x)
    area, centroid = covered.sum((1, 2)), _centroid(covered)
    radius = np.sqrt(area / np.pi)
    fits, middles = [], []
    for shape in range(len(ATTRIBUTES["shape"])):
        middles.append(centroid - np.stack([np.zeros_like(radius), below_middle(shape, radius)], 1))
        drawn = coverage(shape, middles[-1], radius, *x.shape[2:])
        fits.append(((x - drawn[:, None] * COLOURS[colour][:, :, None, None]) ** 2).sum((1, 2, 3)))
    shape = np.argmin(fits, 0)
    middle = np.take_along_axis(np.stack(middles), shape[None, :, None], 0)[0] / side
    where = np.linalg.norm(middle[:, None] - PLACES, axis=2).argmin(1)
    visible = np.stack([(radius / side.min() > LIMIT).astype(np.int64), colour, shape, where], 1)
    visible[np.min(fits, 0) > (1 - EXPLAINED) * (x**2).sum((1, 2, 3))] = NOTHING
    visible[(radius < side.min() * RADII.min() / FAIR) | (radius > side.min() * RADII.max() * FAIR)] = NOTHING
    return torch.from_numpy(visible).to(images.device)


def asked(label: Tensor) -> Tensor:
    """Size, colour, shape and place that captions int64 [N, L] name, [N, 4]."""
    return torch.tensor([read(text) for text in to_texts(label)], device=label.device)


def share_right(visible: Tensor, wanted: Tensor, attribute: str | None = None) -> Estimate:
    """Share of attributes, both [N, 4], that are right, of one or on average over all, and its standard error."""
    right = (visible == wanted).double()
    if attribute is not None:
        share = float(right[:, list(ATTRIBUTES).index(attribute)].mean())
        return share, share_error(share, len(right))
    each = right.mean(1)
    return float(each.mean()), float(each.std()) / len(each) ** 0.5


def all_right(visible: Tensor, wanted: Tensor) -> Estimate:
    """Share of samples whose attributes, both [N, 4], are all right, and its standard error."""
    share = float((visible == wanted).all(1).double().mean())
    return share, share_error(share, len(visible))


def _coloured(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The colour of each picture [N], and how much of each pixel it covers [N, H, W]."""
    amount = np.einsum("nchw,kc->knhw", x, COLOURS / (COLOURS**2).sum(1, keepdims=True)).clip(0, 1)
    rest = [((x - a[:, None] * c[:, None, None]) ** 2).sum((1, 2, 3)) for a, c in zip(amount, COLOURS, strict=True)]
    colour = np.argmin(rest, 0)
    covered = amount[colour, np.arange(len(x))]
    return colour, np.where(_thickened(covered > 0.5), covered, 0)


def _thickened(solid: np.ndarray) -> np.ndarray:
    """The pixels [N, H, W] and their neighbours: a shape with its soft edge, without specks far from it."""
    height, width = solid.shape[1:]
    framed = np.pad(solid, ((0, 0), (1, 1), (1, 1)))
    return np.any([framed[:, i : i + height, j : j + width] for i in range(3) for j in range(3)], 0)


def _centroid(covered: np.ndarray) -> np.ndarray:
    """x and y of the middle of what is covered, in pixels, [N, 2]."""
    height, width = covered.shape[1:]
    whole = np.maximum(covered.sum((1, 2)), 1e-9)
    x = (covered.sum(1) * (np.arange(width) + 0.5)).sum(1) / whole
    y = (covered.sum(2) * (np.arange(height) + 0.5)).sum(1) / whole
    return np.stack([x, y], 1)


def _look(drawn: Drawn) -> Tensor:
    """What samples show, and what was asked of them: int64 [N, 2, 4]."""
    if drawn.labels is None or drawn.labels.ndim != 2:
        raise UsageError("this metric needs samples drawn for captions, and these have none")
    return torch.stack([shown(drawn.images), asked(drawn.labels)], 1)


def _count(sample: Sample, evidence: Evidence) -> Fingerprint:
    return {"samples": evidence.n}


def _of(seen: Seen, score: Callable[[Tensor, Tensor], Estimate]) -> Callable[[Evidence], Estimate]:
    return lambda evidence: score(*evidence[seen].unbind(1))


def _one(attribute: str) -> Callable[[Evidence], Estimate]:
    return _of(CAPTIONED, lambda visible, wanted: share_right(visible, wanted, attribute))


UNSEEN: Ingredient[Sample] = Ingredient(
    "unseen", "a game that is given captions, and the data 'captions', some of which are held out", entries=_count
)  # draws as `samples` does, for captions that were held out
SMALLEST: Ingredient[Sample] = Ingredient(
    "smallest", "a game that draws the data 'captions' at several sizes (stackgan, stackgan-v2)", entries=_count
)  # draws the smallest images of a game that draws several sizes, for captions
CAPTIONED = Seen(
    "captions",
    "samples drawn for captions, and these have none",
    of=SAMPLES,
    can=drawn_for("text"),
    look=_look,
)
UNSEEN_CAPTIONED = Seen("unseen_captions", of=UNSEEN, look=_look)
SMALLEST_CAPTIONED = Seen("smallest_captions", of=SMALLEST, look=_look)

METRICS = {
    "attributes": Metric(
        "mean share of a caption's attributes that the sample shows",
        "higher",
        (CAPTIONED,),
        _of(CAPTIONED, share_right),
    ),
    "attributes_all": Metric(
        "share of samples that show all of their caption's attributes",
        "higher",
        (CAPTIONED,),
        _of(CAPTIONED, all_right),
    ),
    "attribute_size": Metric(
        "share of samples of the size that the caption says", "higher", (CAPTIONED,), _one("size")
    ),
    "attribute_colour": Metric(
        "share of samples of the colour that the caption says", "higher", (CAPTIONED,), _one("colour")
    ),
    "attribute_shape": Metric(
        "share of samples of the shape that the caption says", "higher", (CAPTIONED,), _one("shape")
    ),
    "attribute_place": Metric(
        "share of samples at the place that the caption says", "higher", (CAPTIONED,), _one("place")
    ),
    "attributes_held_out": Metric(
        "the mean share for captions that were held out",
        "higher",
        (UNSEEN_CAPTIONED,),
        _of(UNSEEN_CAPTIONED, share_right),
    ),
    "attributes_held_out_all": Metric(
        "share of samples that show all that a held-out caption says",
        "higher",
        (UNSEEN_CAPTIONED,),
        _of(UNSEEN_CAPTIONED, all_right),
    ),
    "attributes_smallest": Metric(
        "the mean share in the smallest images of a game that draws several sizes",
        "higher",
        (SMALLEST_CAPTIONED,),
        _of(SMALLEST_CAPTIONED, share_right),
    ),
}
