"""A network's way over one image: what each part is made from, and which activations to keep on the way."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from ..base.errors import UsageError
from .local import Conv, Enlarge, Fork, Join, Layer, Norm, Sides, Span
from .moments import Moments

MOST = 1.25  # multiplications, in units of one pass over the image, for which less memory is taken
EXCHANGE = 128  # multiplications that take as long as writing a number and reading it again


@dataclass
class Plan:
    """Along one axis: the part of its input that each layer takes, and that of each fork which its join will want."""

    spans: dict[int, Span]  # by position
    forks: dict[int, Span] = field(default_factory=dict)
    wanted: list[Span] = field(default_factory=list)  # at the first position: of the current activation, and of forks


class Route:
    """Positions are numbers of layers: at i, the layers before i have been applied. Then there is a current
    activation, and each fork that still waits for its join holds one more.
    """

    def __init__(self, steps: list[Layer], channels: int, height: int, width: int):
        self.steps = steps
        self.end = len(steps)
        self.shapes = [(channels, height, width)]  # at each position
        self.forks: list[list[int]] = [[]]  # those that wait at each position
        self.spent = [0]  # multiplications up to each position
        for i, step in enumerate(steps):
            c, h, w = self.shapes[-1]
            self.shapes.append((step.channels(c), step.side(h, 0), step.side(w, 1)))
            now = self.forks[-1]
            self.forks.append([*now, i] if isinstance(step, Fork) else now[:-1] if isinstance(step, Join) else now)
            self.spent.append(self.spent[-1] + step.products(c, (h, w), self.sides(i + 1)))
        self.norms = [i for i, step in enumerate(steps) if isinstance(step, Norm) and step.mean is None]

    def check(self, given: list[Moments]) -> None:
        """UsageError if these are another network's."""
        if [len(moments.mean) for moments in given] != [self.shapes[norm][0] for norm in self.norms]:
            raise UsageError(
                "these statistics are another network's: it has other layers that normalise over positions"
            )

    def sides(self, at: int) -> Sides:
        return self.shapes[at][1:]

    def held(self, at: int) -> int:
        """How many numbers there are at a position."""
        return sum(math.prod(self.shapes[i]) for i in (at, *self.forks[at]))

    def through(self, start: int, to: int) -> int:
        """How many of the forks that wait at `start` wait all the way to `to`."""
        return min(len(self.forks[i]) for i in range(start, to + 1))

    def cores(self, to: int, axis: int, tile: int) -> list[tuple[Span, ...]]:
        """Each tile's own part, along an axis, of the activation at `to` and of what each fork holds there."""
        all_sides = [self.sides(i)[axis] for i in (to, *self.forks[to])]
        count = min(math.ceil(self.sides(0)[axis] / tile), *all_sides)
        return list(zip(*(pairwise(k * n // count for k in range(count + 1)) for n in all_sides), strict=True))

    def plan(self, start: int, to: int, axis: int, core: Sequence[Span]) -> Plan:
        """What is needed from `start` on for a tile's own part at `to` and of the forks there."""
        plan, span, waiting = Plan({to: core[0]}), core[0], list(core[1 + self.through(start, to) :])
        for i in range(to - 1, start - 1, -1):
            step = self.steps[i]
            if isinstance(step, Join):
                waiting.append(span)
            elif isinstance(step, Fork):
                plan.forks[i] = waiting.pop()
                span = (min(span[0], plan.forks[i][0]), max(span[1], plan.forks[i][1]))
            else:
                span = step.needs(span, self.sides(i)[axis], axis)
            plan.spans[i] = span
        plan.wanted = [span, *waiting]
        return plan

    def kept(self) -> set[int]:
        """The norms whose input is kept, so that what comes after begins there and not at the image.

        As few numbers are held at once as MOST allows, and then as little time is spent.
        """
        stops = [0, *self.norms, self.end]
        for most in sorted({0, *map(self.held, self.norms)}):
            chosen, spent = self._shortest(stops, most)
            if spent <= MOST * self.spent[-1]:
                break
        return chosen

    def _shortest(self, stops: list[int], most: int) -> tuple[set[int], int]:
        """The quickest choice that never holds more than so many numbers, and its multiplications."""
        best: dict[int, tuple[int, int, set[int]]] = {0: (0, 0, set())}  # time, multiplications and choice up to a stop
        for number, stop in enumerate(stops[1:], 1):
            ways = []
            for begin, (time, spent, chosen) in best.items():
                between = [s for s in stops[1 : number + 1] if s > begin]
                more = sum(self.spent[s] - self.spent[begin] for s in between)
                ways.append((time + more + EXCHANGE * self.held(stop), spent + more, chosen | {stop}))
            if self.held(stop) <= most or stop == self.end:
                best[stop] = min(ways, key=lambda way: way[0])
        _, spent, chosen = best[self.end]
        return chosen - {self.end}, spent


def receptive_field(steps: list[Layer]) -> int:
    """How many pixels to each side of its own place a pixel of the result is made from, norms' statistics left out."""
    side = 1 << 20
    route = Route(steps, 1, side, side)
    reaches = [0]
    for axis in (0, 1):
        less = math.prod(step.module.stride[axis] for step in steps if isinstance(step, Conv))
        more = math.prod(step.module.stride[axis] for step in steps if isinstance(step, Enlarge))
        middle = route.sides(route.end)[axis] // 2 // (less * more) * (less * more)
        for place in range(middle, middle + less * more):
            first, end = route.plan(0, route.end, axis, [(place, place + 1)]).spans[0]
            own = (2 * place + 1) * less // (2 * more)
            reaches += [own - first, end - 1 - own]
    return max(reaches)
