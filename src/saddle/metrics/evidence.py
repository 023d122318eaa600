"""What metrics are made of. An ingredient knows how it is made and what to say where there is none; evidence makes it
when it is first asked for, keeps it, and remembers who asked for what: that is the fingerprint of a score.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from .drawing import Drawn, Passing, Sampler, draw
from .features import Extractor
from .metric import Metric
from .ranges import check_alike, checked
from .score import Fingerprint

T = TypeVar("T")
ENDS = "the least and the greatest value of each sample"


@dataclass(frozen=True, eq=False)
class Ingredient(Generic[T]):
    """One thing that metrics are made of, by a name that no other has.

    Without `make` the caller gives it, under its name. `lacking` ends the sentence "the metric 'x' needs …"; empty, the
    sentence is that of the need that is missing. `entries` are its part of a fingerprint.
    """

    name: str
    lacking: str = ""
    make: Callable[["Evidence"], T] | None = None
    needs: tuple["Ingredient[Any]", ...] = ()
    can: Callable[["Evidence"], bool] = lambda evidence: True  # be made, where all that it needs is there? Quick
    entries: Callable[[T, "Evidence"], Fingerprint] = lambda value, evidence: {}


@dataclass(frozen=True, eq=False)
class Seen(Ingredient[Any]):
    """What `look` keeps of each of the samples that `of` draws, [N, …]: all that is needed is seen in one drawing."""

    look: Callable[[Any], Any] = lambda drawn: drawn.images
    of: Ingredient[Any] | None = None

    def __post_init__(self) -> None:
        assert self.of is not None
        object.__setattr__(self, "needs", (self.of, *self.needs))
        object.__setattr__(self, "make", lambda evidence: evidence.seen(self))


@dataclass(frozen=True, eq=False)
class Either(Ingredient[T]):
    """The first of several ingredients that is there."""

    of: tuple[Ingredient[T], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "needs", self.of)
        object.__setattr__(self, "make", lambda evidence: evidence[self.there(evidence)])

    def there(self, evidence: "Evidence") -> Ingredient[T]:
        """LookupError where none is, which `Evidence.lacks` tells beforehand."""
        found = next((each for each in self.of if evidence.lacks(each) is None), None)
        if found is None:
            raise LookupError(f"none of the ingredients that '{self.name}' may be made of is there")
        return found


@dataclass(frozen=True)
class Later:
    """An ingredient that is there, and is made when a metric needs it."""

    make: Callable[[], Any]


class Evidence:
    """`given` are ingredients by name, `Later` or at once; None is as good as none.

    Samples are drawn `batch` at a time, `n` in all, the seed is that of random subsets and splits, and `reference` says
    what the real data are. Without `errors`, a metric may leave out one that takes most of its time.
    """

    def __init__(
        self,
        given: Mapping[str, Any],
        *,
        n: int = 2000,
        batch: int = 250,
        seed: int = 0,
        reference: str = "held-out",
        errors: bool = True,
    ):
        self.given = {name: value for name, value in given.items() if value is not None}
        self.n, self.batch, self.seed, self.reference, self.errors = n, batch, seed, reference, errors
        self._made: dict[str, tuple[Any, Fingerprint]] = {}
        self._seen: dict[str, Any] = {}
        self._asked: list[Fingerprint] = []  # what is being made, from the outside in

    def __getitem__(self, ingredient: Ingredient[T]) -> T:
        """LookupError for what is not there, which `lacks` tells beforehand."""
        if ingredient.name not in self._made:
            made, asked = self._recorded(lambda: self._make(ingredient))
            self._made[ingredient.name] = made, asked | ingredient.entries(made, self)
        value, entries = self._made[ingredient.name]
        if self._asked:
            self._asked[-1].update(entries)
        return value

    def lacks(self, wanted: Metric | Ingredient[Any]) -> str | None:
        """What is missing for a metric or an ingredient, in words; None if nothing is. Nothing is made to find out."""
        if isinstance(wanted, Metric):
            return next((reason for need in wanted.needs if (reason := self.lacks(need))), None)
        if wanted.name in self.given:
            return None
        if isinstance(wanted, Either):
            reasons = [self.lacks(each) for each in wanted.of]
            return None if None in reasons else wanted.lacking or reasons[0]
        if wanted.make is None:
            return wanted.lacking
        reason = next((reason for need in wanted.needs if (reason := self.lacks(need))), None)
        if reason is None and wanted.can(self):
            return None
        return wanted.lacking or reason

    def gather(self, metrics: Iterable[Metric]) -> None:
        """Make what is random and these metrics need: in the order given, not in that of the metrics.

        They share one stream of random numbers, and what a metric gets must not depend on which one comes first.
        """
        wanted = {need.name: need for metric in metrics for need in _closure(metric.needs)}
        for name in self.given:
            if isinstance(self.given[name], Later) and name in wanted:
                self[wanted[name]]
        for name in self.given:
            views = [v for v in wanted.values() if isinstance(v, Seen) and v.of is not None and v.of.name == name]
            if views:
                self._draw(views)

    def measured(self, metric: Metric) -> tuple[tuple[Any, ...], Fingerprint]:
        """What the metric measures, and all that it depends on but the samples."""
        value, asked = self._recorded(lambda: (metric.measure(self), metric.settings(self)))
        return value[0], {"seed": self.seed, **asked, **value[1]}

    def seen(self, view: Seen) -> Any:
        """What was kept of the samples that were drawn. LookupError where no metric named it among its needs."""
        for need in view.needs:
            self[need]  # into the fingerprint
        if view.name not in self._seen:
            raise LookupError(f"'{view.name}' was not kept of the samples: a metric that asks for it must need it")
        return self._seen[view.name]

    def _make(self, ingredient: Ingredient[T]) -> T:
        given = self.given.get(ingredient.name)
        if given is not None:
            return given.make() if isinstance(given, Later) else given
        if ingredient.make is None:
            raise LookupError(f"there is no '{ingredient.name}': a metric that asks for it must name it in its needs")
        return ingredient.make(self)

    def _recorded(self, make: Callable[[], Any]) -> tuple[Any, Fingerprint]:
        """What is made, and the entries of all that was asked for meanwhile."""
        self._asked.append({})
        try:
            value = make()
        finally:
            asked = self._asked.pop()
        return value, asked

    def _draw(self, views: list[Seen]) -> None:
        source = views[0].of
        assert source is not None
        if isinstance(passing := self[source], Passing):
            made = {need.name: self[need] for view in views for need in view.needs if need is not source}
            self._seen |= passing.seen({view.name: view for view in views}, self.given | made)
            return
        extractor: Extractor | None = self.given.get("extractor")
        unknown = source.name == "samples" and not isinstance(self[source], Sampler)

        def look(images: Tensor, labels: Tensor | None) -> dict[str, Tensor]:
            drawn = Drawn(checked(images, "the samples"), labels, extractor)
            ends = {ENDS: torch.stack(images.flatten(1).aminmax(dim=1), 1)} if unknown and images.ndim == 4 else {}
            return {view.name: view.look(drawn) for view in views} | ends

        kept = draw(self[source], self.n, self.batch, look)
        if (ends := kept.pop(ENDS, None)) is not None:
            check_alike((float(ends[:, 0].min()), float(ends[:, 1].max())), self.given.get("real"))
        self._seen |= kept


def _closure(needs: Iterable[Ingredient[Any]]) -> Iterator[Ingredient[Any]]:
    for need in needs:
        yield need
        yield from _closure(need.needs)
