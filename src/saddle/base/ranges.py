"""The numbers that a setting can be, as a part of its type: `Annotated[int, at_least(1)]`.

Of several marks all hold: `Annotated[float, above(0), at_most(1)]`. They stand wherever a type stands, as in
`Annotated[int, at_least(1)] | None` and `tuple[Annotated[float, between(0, 1)], ...]`. Checks, help, docs and sliders
all follow from them; `Settings` in settings.py is the class that checks its own.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from functools import cache, reduce
from operator import and_
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

VAST = 10**15  # nobody comes near such a bound who does not mean to


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`; those of infinite bounds have no bound there. Infinity and NaN are never in it."""

    low: float = -math.inf
    high: float = math.inf
    above: bool = False  # is `low` itself out?
    below: bool = False  # is `high` itself out?
    step: int = 1  # whole numbers of this range are its multiples

    def holds(self, value: float) -> bool:
        """Is the number in the range? NaN is not, nor one beyond all floats."""
        try:
            fits = math.isfinite(value) and (self.low < value if self.above else self.low <= value)
        except OverflowError:
            return False
        fits = fits and (value < self.high if self.below else value <= self.high)
        return bool(fits and (self.step == 1 or value % self.step == 0))

    def __and__(self, other: "Range") -> "Range":
        low, above = max((self.low, self.above), (other.low, other.above))
        high, within = min((self.high, not self.below), (other.high, not other.below))
        return Range(low, high, above, not within, math.lcm(self.step, other.step))

    def __str__(self) -> str:
        """As it follows 'it is': 'at least 1', 'from 0 to below 1', 'even and at least 2'."""
        return self.told()

    def told(self, value: float = 0) -> str:
        """The same for an error about this value. It names a vast bound only if the value is beyond that bound."""
        steps = {1: "", 2: "even"}.get(self.step, f"a multiple of {self.step}")
        bounds = self._bounds(math.isfinite(self.high) and bool(self.high < VAST or value >= VAST))
        return " and ".join(filter(None, (steps, bounds))) or "a finite number"

    def _bounds(self, has_upper: bool) -> str:
        low, high = _number(self.low), _number(self.high)
        upper = f"{'below' if self.below else 'at most'} {high}" * has_upper
        if not math.isfinite(self.low):
            return upper
        if not upper:
            return f"{'above' if self.above else 'at least'} {low}"
        if self.above:
            return f"above {low} and {'below' if self.below else 'up to'} {high}"
        return f"from {low} to {'below ' * self.below}{high}"


def at_least(low: float) -> Range:
    return Range(low=low)


def above(low: float) -> Range:
    return Range(low=low, above=True)


def at_most(high: float) -> Range:
    return Range(high=high)


def below(high: float) -> Range:
    return Range(high=high, below=True)


def between(low: float, high: float) -> Range:
    """With both bounds."""
    return Range(low, high)


def multiple_of(step: int) -> Range:
    return Range(step=step)


PositiveInt = Annotated[int, at_least(1)]  # of channels, units, steps
NonNegativeInt = Annotated[int, at_least(0)]
PositiveFloat = Annotated[float, above(0), at_most(1e30)]  # which the numbers of a network can hold
NonNegativeFloat = Annotated[float, between(0, 1e30)]
Weight = NonNegativeFloat  # 0 leaves out what it weighs
EvenInt = Annotated[int, at_least(2), multiple_of(2)]
Share = Annotated[float, between(0, 1)]  # also a chance
ShareBelowOne = Annotated[float, at_least(0), below(1)]  # that leaves a part to something else
PositiveShare = Annotated[float, above(0), at_most(1)]
OpenShare = Annotated[float, above(0), below(1)]  # neither nothing nor all
Few = Annotated[int, between(1, 1000)]  # of layers, or of whole networks: more would be built until memory runs out
FewOrZero = Annotated[int, between(0, 1000)]


def arms(hint: Any) -> tuple[Any, ...]:
    """The alternatives of a union, its numbers with the marks of the whole; a type alone is its only one."""
    if get_origin(unmarked(hint)) not in (Union, UnionType):
        return (hint,)
    marked = marks(hint)
    return tuple(Annotated[arm, *marked] if marked and arm in (int, float) else arm for arm in get_args(unmarked(hint)))


def unmarked(hint: Any) -> Any:
    """A type without its own marks."""
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def marks(hint: Any) -> tuple[Any, ...]:
    """The marks of a type itself, in order."""
    return get_args(hint)[1:] if get_origin(hint) is Annotated else ()


def own_range(hint: Any) -> Range | None:
    """The range that a type that is no union is marked with; None if it is with none."""
    ranges = [mark for mark in marks(hint) if isinstance(mark, Range)]
    return reduce(and_, ranges) if ranges else None


def range_of(hint: Any) -> Range | None:
    """The bounds of the number that a setting of this type is, or of each of its numbers: what a slider wants.

    None where there are none, or several ranges.
    """
    ranges = {*_ranges(hint)}
    return ranges.pop() if len(ranges) == 1 else None


def _ranges(hint: Any) -> Iterator[Range]:
    """All ranges of a type and of its parts."""
    for arm in arms(hint):
        if own := own_range(arm):
            yield own
        elif get_origin(unmarked(arm)) is tuple:
            for part in get_args(unmarked(arm)):
                yield from _ranges(part)


@cache
def hints(kind: type) -> dict[str, Any]:
    """The types of a dataclass's settings, with their marks.

    A subclass that gives a setting another default and the same plain type, `steps: int = 5`, keeps the marks.
    """
    marked, plain = get_type_hints(kind, include_extras=True), get_type_hints(kind)
    owners = [owner for owner in kind.__mro__[1:] if is_dataclass(owner)]
    for name in (field.name for field in fields(kind)):  # type: ignore[arg-type]
        owner = next((owner for owner in owners if name in hints(owner)), None)
        if owner and marked[name] == plain[name] == get_type_hints(owner)[name]:
            marked[name] = hints(owner)[name]
    return {field.name: marked[field.name] for field in fields(kind)}  # type: ignore[arg-type]


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}".replace("e+", "e")
