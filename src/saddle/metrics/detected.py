"""What a game finds in held-out images, and what simple detectors, which need no training by gradients, find there."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch
from torch import Tensor

from ..base.errors import SaddleError, UsageError
from .evidence import Ingredient
from .metric import Compared
from .uncertainty import GROUPS, jackknife


class Told(NamedTuple):
    """How unusual images are: higher is more so."""

    scores: Tensor  # [N]
    maps: Tensor | None = None  # [N, 1, h, w]


@dataclass(frozen=True)
class Detected:
    """How unusual a game finds held-out images, which of them are defective, and where."""

    scores: Tensor  # [N], higher for what is less usual
    defective: Tensor  # bool [N]
    maps: Tensor | None = None  # [N, 1, h, w], of the game's own size
    masks: Tensor | None = None  # bool [N, 1, H, W]: where the defects are
    rivals: Mapping[str, Told] = field(default_factory=dict)  # what simple detectors say of the same images, by name
    seconds: Tensor | None = None  # [K]: how long an image took, in each of K portions

    def of(self, told: Told) -> "Detected":
        """The same images, as a simple detector sees them."""
        return replace(self, scores=told.scores, maps=told.maps, rivals={})

    def only(self, kept: Tensor) -> "Detected":
        """Some of the images, bool [N]."""
        maps, masks = (None if each is None else each[kept] for each in (self.maps, self.masks))
        return replace(self, scores=self.scores[kept], defective=self.defective[kept], maps=maps, masks=masks)


def checked(scores: Tensor, defective: Tensor) -> tuple[Tensor, Tensor]:
    """float64 scores [N] and bool [N]. UsageError unless there are images of both kinds; SaddleError for NaN."""
    scores, defective = scores.detach().cpu().double(), defective.cpu() > 0
    if scores.shape != defective.shape:
        raise UsageError(f"{len(scores)} scores are given, and of {len(defective)} images it is said what they are")
    many, few = int(defective.sum()), int((~defective).sum())
    if not many or not few:
        raise UsageError(f"detection is scored on images of two kinds, and {many} are defective, {few} normal")
    if not scores.isfinite().all():
        raise SaddleError(f"{int((~scores.isfinite()).sum())} of {len(scores)} images have no finite score")
    return scores, defective


def compared(
    name: str,
    detected: Detected,
    measure: Callable[[Detected], float],
    error: float | None = None,
    details: Mapping[str, float] | None = None,
) -> Compared:
    """What the game reaches, with its error, what simple detectors reach, and a sentence where one of them is better.

    Without a given `error` it is that of the jackknife over the images.
    """
    value = measure(detected)
    error = jackknife([measure(detected.only(kept)) for kept in _parts(detected.defective)]) if error is None else error
    beside = {whose: measure(detected.of(told)) for whose, told in detected.rivals.items()}
    better = [f"{whose} reaches {x:.3f}" for whose, x in beside.items() if x > value]
    note = f"{name}: a simple detector is better than the game, which reaches {value:.3f}: {', '.join(better)}"
    return Compared(value, error, dict(details or {}), beside, {}, note if better else "")


def _parts(defective: Tensor) -> Iterator[Tensor]:
    """All images without a tenth of the normal and a tenth of the defective ones, bool [N], ten times."""
    place = torch.where(defective, defective.cumsum(0), (~defective).cumsum(0)) - 1  # among those of its kind
    parts = min(GROUPS, int(defective.sum()), int((~defective).sum()))
    yield from (place % parts != part for part in range(parts if parts > 1 else 0))


DETECTED: Ingredient[Detected] = Ingredient(
    "detected",
    "a game that finds what is unusual, and held-out images of which some are defective",
    entries=lambda detected, _: {
        "reference_count": len(detected.defective),
        "defective_count": int(detected.defective.sum()),
    },
)
