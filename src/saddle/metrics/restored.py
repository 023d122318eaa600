"""Held-out images that a game has restored, and what could be had without it: what metrics of restorations are made of.

Beside every score stands that of bicubic enlargement, or of the damaged image itself where it is as large.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from ..base.errors import SaddleError, UsageError
from ..layers.imresize import imresized
from .evidence import Evidence, Ingredient
from .metric import Compared
from .reference import content_hash
from .score import Fingerprint
from .tones import grey
from .translated import EARLY, FINAL, INPUT, LEAST, MOST, over_ways

BICUBIC = "bicubic"  # what stands beside a score
Shape = tuple[int, int, int]
Measure = Callable[[Tensor, Tensor], Tensor]  # of images and the true ones, both [N, C, H, W]: [N]


@dataclass(frozen=True)
class Restored:
    """Held-out images, as they were and as a game restored them. UsageError of none, SaddleError if not finite."""

    images: Tensor  # [N, C, H, W], about [-1, 1]
    truth: Tensor  # [N, C, H, W] in [-1, 1]
    beside: Mapping[str, Tensor] = field(default_factory=dict)  # what could be had without the game, like `images`
    times: int = 1  # as many rows and columns as the damaged ones have
    labels: Tensor | None = None  # their classes, int64 [N], -1 where unknown

    def __post_init__(self) -> None:
        if not len(self.images):
            raise UsageError("no image was restored, so there is none to score")
        if bad := int((~self.images.flatten(1).isfinite().all(1)).sum()):
            raise SaddleError(f"{bad} of {len(self.images)} restored images are not finite")


@dataclass(frozen=True)
class Restorations:
    """Held-out images that a game can restore, and what is known before one is: `most`, or as many as `pixels` allow.

    `make(n, beside)` restores n of them, evenly chosen, with others' images if `beside`; bicubic's are always there.
    """

    there: int
    shape: Shape  # of what is restored
    times: int
    make: Callable[[int, bool], Restored]
    labelled: bool = False  # are classes known?
    most: int | None = None
    pixels: int = FINAL

    def limited(self, most: int | None, early: bool) -> "Restorations":
        """So many images; without a number, few of them if it is `early`, and then bicubic's alone beside them."""
        return replace(self, most=None if early else most, pixels=EARLY if early else FINAL)

    def made(self) -> Restored:
        """Those that are scored."""
        allowed = self.most or min(MOST, max(LEAST, self.pixels // (self.shape[1] * self.shape[2])))
        return self.make(min(self.there, allowed), self.pixels == FINAL)


def enlarged(damaged: Tensor, like: Tensor) -> dict[str, Tensor]:
    """Damaged images [N, C, h, w] in the size and the channels of others, by bicubic; {} where these do not fit.

    `like` is [N, C, H, W].
    """
    channels = like.shape[1]
    if damaged.shape[1] != channels:
        if 1 not in (damaged.shape[1], channels):
            return {}
        damaged = grey(damaged) if channels == 1 else damaged.expand(-1, channels, -1, -1)
    if damaged.shape[2:] == like.shape[2:]:
        return {INPUT: damaged}
    return {BICUBIC: imresized(damaged.double(), like.shape[2:]).float().clamp(-1, 1)}


RESTORATIONS: Ingredient[Restorations] = Ingredient(
    "restorations", "a game that restores images, and held-out damaged images with the true ones"
)
RESTORED: Ingredient[Restored] = Ingredient(
    "restored",
    RESTORATIONS.lacking,
    make=lambda e: e[RESTORATIONS].made(),
    needs=(RESTORATIONS,),
    entries=lambda restored, _: {
        "reference_count": len(restored.truth),
        "reference_hash": content_hash([restored.truth]),
    },
)


def known(evidence: Evidence) -> tuple[Shape, int]:
    """The shape of what is restored, and how many times as large it is, before one is."""
    given: Any = evidence.given.get("restored")
    if given is None:
        given = evidence.given["restorations"]
        return given.shape, given.times
    channels, height, width = given.truth.shape[1:]
    return (channels, height, width), given.times


def judged(
    name: str,
    lacking: str,
    measure: Callable[[Shape, int], Measure],
    when: Callable[[Shape, int], bool] = lambda shape, times: True,
    entries: Callable[[Shape, int], Fingerprint] = lambda shape, times: {},
) -> Ingredient[Compared]:
    """What a metric measures of restorations, whose shape and times of enlargement say how, whether, and what of it.

    The higher, the better.
    """

    def make(evidence: Evidence) -> Compared:
        return compared(name, evidence[RESTORED], measure(*known(evidence)))

    return Ingredient(
        f"restored_{name}",
        f"{RESTORED.lacking}{lacking}",
        make=make,
        needs=(RESTORED,),
        can=lambda evidence: when(*known(evidence)),
        entries=lambda value, evidence: entries(*known(evidence)),
    )


def compared(name: str, restored: Restored, measure: Measure) -> Compared:
    """The mean over images of a metric where more is better, and that of others' images beside it."""
    every = {"": restored.images} | dict(restored.beside)
    found = over_ways({"": {whose: measure(images, restored.truth) for whose, images in every.items()}})
    return found._replace(note=outdone(name, found.value, found.beside))


def outdone(name: str, value: float, beside: Mapping[str, float]) -> str:
    """A sentence if something simple is better."""
    best = max(beside, key=lambda whose: beside[whose], default="")
    if not best or not beside[best] > value:
        return ""
    what = {BICUBIC: "bicubic enlargement", INPUT: "the damaged image as it is"}.get(best, f"the {best}")
    return f"By {name}, {what} is better without any training: {beside[best]:.4g} against {value:.4g}."
