"""How well is a shadow found? By the balanced error rate, and apart for deep and light, hard and soft shadows.

BER = 100 (1 - (TP / P + TN / N) / 2): P pixels lie in the shadow, of which TP are found, and N outside, of which TN are
left alone; over all images. A mask says shadow where it is above 0 (Wang, Li, Yang, 2018,
https://arxiv.org/abs/1712.02478). A mask that says everywhere the same has 50.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from ..spec.field import HOLE
from .evidence import Evidence
from .metric import Compared, Metric
from .tones import grey, levels
from .translated import KNOWN, MEAN, Each, Turned, Way, pooled

MASK, STRENGTH, SOFTNESS = "mask", "strength", "softness"  # columns that belong to an image with a shadow
THRESHOLD, DARKER = "threshold", 0.75  # what stands beside: shadow is where grey is below so much of its median
LIGHT = (0.3, 0.9)  # share of the light that shadows leave; deep, middle and light ones are thirds of it
DEPTHS = ("deep", "middle", "light")


def is_lit(way: Way) -> bool:
    """Is there a mask of the shadow in what is given? One of a hole is none."""
    mask = way.fields.get(MASK)
    return mask is not None and mask.kind == "mask" and mask.title != HOLE


def parts(turned: Turned) -> dict[str, Tensor]:
    """Of each shadow the share of light that it takes and how soft it is, NaN where nobody knows: [N, 2]."""
    n, there = len(turned.given), turned.way.columns if turned.way else ()
    known = [
        turned.of(name).view(n, -1)[:, 0] if name in there else torch.full((n,), torch.nan)
        for name in (STRENGTH, SOFTNESS)
    ]
    return {KNOWN: torch.stack([x.double() for x in known], 1)}


def shares(known: Tensor) -> dict[str, Tensor]:
    """Which images [N] are of which part, by strength and softness [N, 2]; no part without one of them."""
    taken, softness = known.unbind(1)
    third = ((1 - taken - LIGHT[0]) / (LIGHT[1] - LIGHT[0]) * len(DEPTHS)).floor().clamp(0, len(DEPTHS) - 1)
    of = {name: third == i for i, name in enumerate(DEPTHS)}  # NaN is equal to nothing
    middle = softness.nanmedian()
    of |= {"hard": softness <= middle, "soft": softness > middle}
    return {name: rows for name, rows in of.items() if rows.any()}


def measured(each: Each, measure: Callable[[Tensor], float]) -> Callable[[Evidence], Compared]:
    """What a metric says of all pixels of a view, which keeps counts [N, …] of each image, and of each part apart."""
    return lambda evidence: pooled(evidence[each], measure, shares)


def darker(images: Tensor) -> Tensor:
    """Where images [N, C, H, W] are darker than 0.75 of their median: bool [N, 1, H, W]."""
    light = grey(levels(images))
    ordered = light.flatten(1).sort(1).values
    n = ordered.shape[1]
    middle = (ordered[:, (n - 1) // 2] + ordered[:, n // 2]) / 2
    return light < DARKER * middle.view(-1, 1, 1, 1)


def _look(turned: Turned) -> dict[str, Tensor]:
    """Of every image pixels found and all in the shadow, left alone and all outside: [N, 4]."""
    assert turned.truth is not None
    shadow = turned.truth > 0
    said = {"": turned.made > 0, THRESHOLD: darker(turned.given)}
    said |= {whose: images > 0 for whose, images in turned.beside.items() if whose == MEAN}
    sides = {w: (x & shadow, shadow, ~x & ~shadow, ~shadow) for w, x in said.items()}
    return {w: torch.stack([x.sum((1, 2, 3)) for x in each], 1) for w, each in sides.items()} | parts(turned)


def balanced_error(rows: Tensor) -> float:
    """Per cent, of rows [N, 4] as `_look` counts them; NaN where no pixel is in a shadow, or none outside."""
    found, inside, left, outside = rows.double().sum(0).tolist()
    return 100 - 50 * (found / inside + left / outside) if inside and outside else float("nan")


EACH = Each(
    "shadow_each",
    "a game that translates images to masks, and held-out pairs of both",
    look=_look,
    when=lambda way: way.paired and way.pictures[0] and way.fields[way.to].kind == "mask",
)

METRICS = {
    "ber": Metric(
        "balanced error rate of masks, in per cent: 50 is chance, 0 perfect",
        "lower",
        (EACH,),
        measured(EACH, balanced_error),
    )
}
