"""Held-out images that a game has translated, way by way: what metrics of translations are made of.

All that is wanted of them is looked at while they pass by, a few at a time, so that memory stays bounded.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from typing import Any

import torch
from torch import Tensor

from ..base import telling
from ..base.errors import SaddleError, UsageError
from ..spec import Field
from .blocks import double
from .drawing import Passing
from .evidence import Evidence, Ingredient, Seen
from .metric import Compared
from .reference import content_hash
from .score import Fingerprint
from .traits import Changed, Traits
from .uncertainty import groups, jackknife, mean_error

INPUT, MEAN, COLOURS = "input unchanged", "mean image", "colour table"  # what stands beside a score
KNOWN = "known"  # not beside a score: what is known of what is given
EARLY, FINAL = 2**18, 2**24  # pixels that are translated one way, on the way and at the end, unless asked otherwise
LEAST, MOST = 16, 2000  # images, all the same


@dataclass(frozen=True)
class Swapped:
    """Translations with the style of another held-out image of the target."""

    made: Tensor  # [N, C, H, W]
    style: Tensor  # [N, C, H, W]
    of: Callable[[str], Tensor]  # what belongs to the style, [N, …], by its name


@dataclass
class Turned:
    """Some held-out images, as people see them, and what a game made of them: float [N, C, H, W] in [-1, 1]."""

    given: Tensor
    made: Tensor
    number: int  # of this part, from 0 on
    truth: Tensor | None = None  # what it should have made
    inside: Tensor | None = None  # [N, 1, H, W]: 1 where alone it counts
    labels: Tensor | None = None  # of what is given, int64 [N], -1 where unknown
    # what could be had without the game, by name: each like `made`; of a way to a map like `planes`
    others: Callable[[], dict[str, Tensor]] = dict
    back: Callable[[], Tensor] | None = None  # there and back again, like `given`
    kept: Callable[[], tuple[Tensor, Tensor]] | None = None  # images of the target, and the game's results for these
    planes: Tensor | None = None  # [N, K, H, W]: what was made, before people see it
    column: Callable[[str], Tensor] | None = None  # by its name what is known of what is given, of `Way.columns`
    tools: Mapping[str, Any] = field(default_factory=dict)  # ingredients that were given or that a look needs, by name
    way: "Way | None" = None  # that it went
    swap: Callable[[], Swapped] | None = None  # the same with others' styles
    changed: Changed | None = None  # what each was asked to show in place of what

    @cached_property
    def beside(self) -> dict[str, Tensor]:
        """`others`, made once."""
        return self.others()

    @cached_property
    def swapped(self) -> Swapped:
        """`swap`, made once."""
        assert self.swap is not None
        return self.swap()

    def of(self, column: str) -> Tensor:
        """What belongs to each of what is given, [N, …], as a batch holds it; `Way.columns` name what there is."""
        assert self.column is not None
        return self.column(column)


@dataclass(frozen=True)
class Way:
    """From one domain to another, and what is known of its translations before one is made.

    `parts(n, beside)` are n held-out images, a few at a time, with others' images if `beside`, and `given(n)` what is
    given there. `real(n)` and `train(n)` are held-out and training images of the target. All are evenly chosen.
    """

    name: str  # such as "horse to zebra"
    there: int  # held-out images to translate
    shape: tuple[int, int, int]  # of what is made, as people see it
    parts: Callable[[int, bool], Iterable[Turned]]
    given: Callable[[int], Iterable[Tensor]]
    real: Callable[[int], Iterable[Tensor]]
    train: Callable[[int], Iterable[Tensor]]
    pictures: tuple[bool, bool] = (True, True)  # are given and made images, and not maps or masks?
    paired: bool = False  # is the truth known?
    returns: bool = False  # is there a way back?
    keeps: bool = False  # may the game be shown images of the target?
    labelled: bool = False  # are the classes of what is given known?
    real_labels: Callable[[int], Iterable[tuple[Tensor, Tensor]]] | None = None  # real target images with theirs
    means: Callable[[], tuple[Tensor, Tensor]] | None = None  # the mean training image of either domain, [1, C, H, W]
    start: str = ""  # key of what is given
    to: str = ""  # key of what is made
    fields: Mapping[str, Field] = field(default_factory=dict)  # of both, and of all that belongs to what is given
    columns: tuple[str, ...] = ()  # names of all that is known of what is given; some have no field
    traits: Traits | None = None  # what translations are asked to show, another one of each image
    styled: bool = False  # can a translation have the style of an image of the target?
    taught: bool = False  # are the classes of the target's training images known?
    versed: bool = False  # are those of the given domain's?

    @property
    def compares(self) -> bool:
        """Are images made whose truth is known?"""
        return self.paired and self.pictures[1]

    @property
    def side(self) -> int:
        """The shorter one of what is made, in pixels."""
        return min(self.shape[-2:])


@dataclass(frozen=True)
class Translations(Passing):
    """Every way that a game goes on held-out images: `most` of each, or as many as `pixels` allow."""

    ways: tuple[Way, ...]
    most: int | None = None
    pixels: int = FINAL

    def limited(self, most: int | None, early: bool) -> "Translations":
        """So many images of a way; without a number, few of them if it is `early`, and then nothing beside them."""
        return replace(self, most=None if early else most, pixels=EARLY if early else FINAL)

    @property
    def early(self) -> bool:
        return self.pixels < FINAL

    def count(self, way: Way) -> int:
        """Images that are translated."""
        allowed = self.most or min(MOST, max(LEAST, self.pixels // (way.shape[-2] * way.shape[-1])))
        return min(way.there, allowed)

    def reals(self, way: Way) -> int:
        """Real images of the target to compare with, at most: more of them, for nobody translates these."""
        return 8 * self.count(way) if self.early else max(MOST, self.count(way))

    def seen(self, looks: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, dict[str, dict[str, Tensor]]]:
        """What each look keeps of every way that it looks at, and of others' images there: look → way → whose → [N]."""
        kept: dict[str, dict[str, dict[str, list[Tensor]]]] = {name: {} for name in looks}
        for way in self.ways:
            wanted = {name: look for name, look in looks.items() if look.when(way)}
            for part in self.passing(way) if wanted else ():
                part.tools, part.way = given, way
                for name, look in wanted.items():
                    for whose, values in look.look(part).items():
                        kept[name].setdefault(way.name, {}).setdefault(whose, []).append(values)
        return {
            name: {way: {whose: torch.cat(parts) for whose, parts in of.items()} for way, of in ways.items()}
            for name, ways in kept.items()
        }

    @torch.no_grad()
    def passing(self, way: Way) -> Iterator[Turned]:
        """The images of a way. SaddleError for one that is not finite."""
        done, count = 0, self.count(way)
        for part in way.parts(count, not self.early):
            if bad := int((~part.made.flatten(1).isfinite().all(1)).sum()):
                raise SaddleError(f"{bad} of {len(part.made)} translations, {way.name}, are not finite")
            telling.now("scoring translations", done, count)
            yield part
            done += len(part.made)

    def entries(self) -> Fingerprint:
        """What was translated, for fingerprints: the images and the truth, as they are stored."""
        digest = sha256()
        for way in self.ways:
            for images in (way.given(self.count(way)), way.real(self.count(way))):
                digest.update(content_hash(images).encode())
        counts = {self.count(way) for way in self.ways}
        return {
            "translated": counts.pop() if len(counts) == 1 else ", ".join(str(self.count(way)) for way in self.ways),
            "ways": ", ".join(way.name for way in self.ways),
            "reference_hash": digest.hexdigest(),
        }


TRANSLATIONS: Ingredient[Translations] = Ingredient(
    "translations",
    "a game that translates, and held-out images for it",
    entries=lambda translations, _: translations.entries(),
)


@dataclass(frozen=True, eq=False)
class Each(Seen):
    """What `look` keeps of each translation, and of others' images beside it: {"": [N, …], INPUT: [N, …], …}.

    Evidence has it by way. `when` says which ways it can look at.
    """

    of: Ingredient[Any] | None = TRANSLATIONS
    when: Callable[[Way], bool] = lambda way: True

    def __post_init__(self) -> None:
        object.__setattr__(self, "can", lambda e: any(map(self.when, e.given["translations"].ways)))
        super().__post_init__()


PAIRS = "a game that translates, and held-out images that show the same in both domains"


def beside_truth(
    measure: Callable[[Tensor, Tensor, Tensor | None], Tensor],
) -> Callable[[Turned], dict[str, Tensor]]:
    """A look that measures (images, truth, inside) of translations, and of others' images beside them: [N] each."""

    def look(turned: Turned) -> dict[str, Tensor]:
        assert turned.truth is not None
        every = {"": turned.made} | turned.beside
        return {whose: measure(images, turned.truth, turned.inside) for whose, images in every.items()}

    return look


def over_ways(kept: Mapping[str, Mapping[str, Tensor]]) -> Compared:
    """Means over images, of every way and of all: those of others' images stand beside.

    Of several ways the score is the mean, and so is its error, for they are not independent. What is not a number
    counts in no mean, and neither does infinity but where nothing else is: identical images have it. How many there
    were is among the details. UsageError where no image is left.
    """
    ways, identical = {}, 0
    for name, values in kept.items():
        (value, error), same = _mean(values[""])
        identical += same
        ways[name] = {"value": value, "uncertainty": error} | {w: _mean(x)[0][0] for w, x in values.items() if w}
    return joined(ways, {"identical": float(identical)} if identical else {})


def pooled(
    kept: Mapping[str, Mapping[str, Tensor]],
    measure: Callable[[Tensor], float],
    parts: Callable[[Tensor], Mapping[str, Tensor]] | None = None,
) -> Compared:
    """What `measure` says of the rows [N, …] of all images of each way together, with the jackknife's error.

    What others' images have stands beside. `parts` says by what is `KNOWN` of images which ones, bool [N] by name, are
    measured apart, for the details; these are named after the way where there are several.
    """
    ways: dict[str, dict[str, float]] = {}
    details: dict[str, float] = {}
    for name, rows in kept.items():
        own, of = rows[""], parts(rows[KNOWN]) if parts else {}
        left = [measure(own[_without(part, len(own))]) for part in groups(len(own))]
        ways[name] = {"value": measure(own), "uncertainty": jackknife(left)}
        ways[name] |= {whose: measure(x) for whose, x in rows.items() if whose not in ("", KNOWN)}
        details |= {part if len(kept) == 1 else f"{name}: {part}": measure(own[some]) for part, some in of.items()}
    return joined(ways, details)


def _without(part: Tensor, count: int) -> Tensor:
    left = torch.ones(count, dtype=torch.bool)
    left[part] = False
    return left


def joined(ways: dict[str, dict[str, float]], details: dict[str, float] | None = None) -> Compared:
    """The mean of several ways; one alone is not named."""
    every = list(ways.values())
    shared = [name for name in every[0] if all(name in way for way in every)]
    means = {name: sum(way[name] for way in every) / len(every) for name in shared}
    value, error = means.pop("value"), means.pop("uncertainty")
    return Compared(value, error, details or {}, means, ways if len(ways) > 1 else {})


def _mean(values: Tensor) -> tuple[tuple[float, float], int]:
    """With its standard error, and how many are infinite."""
    values = double(values)
    values = values[~values.isnan()]
    if not len(values):
        raise UsageError("no held-out image has anything to compare: there is none, or its mask is empty")
    finite = values[values.isfinite()]
    same = len(values) - len(finite)
    if not len(finite):
        return (float(values[0]), 0.0), same
    return (float(finite.mean()), mean_error(finite)), same


def score_of(view: Each) -> Callable[[Evidence], Compared]:
    """What a metric measures that is the mean of a view."""
    return lambda evidence: over_ways(evidence[view])
