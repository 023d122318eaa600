"""Timing of programs against each other: in turns, on the same machine, in the same minute."""

import os
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A measured number: the median, with the quartiles of the single measurements."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, samples: list[float]) -> "Figure":
        if len(samples) < 2:
            return cls(samples[0], samples[0], samples[0])
        low, middle, high = statistics.quantiles(samples, n=4, method="inclusive")
        return cls(middle, low, high)


@dataclass(frozen=True)
class Times:
    """Seconds of every program in every turn."""

    seconds: dict[str, list[float]]

    def of(self, name: str) -> Figure:
        return Figure.of(self.seconds[name])

    def ratio(self, a: str, b: str) -> Figure:
        """Time of `a` over time of `b`, turn by turn, so that a slow minute of the machine weighs on both."""
        return Figure.of([x / y for x, y in zip(self.seconds[a], self.seconds[b], strict=True)])


def clock() -> float:
    """Seconds by the clock, or those of the processor where BENCH_CLOCK=processor asks for them."""
    return time.process_time() if os.environ.get("BENCH_CLOCK") == "processor" else time.perf_counter()


def interleave(programs: Mapping[str, Callable[[], object]], seconds: float, warm_up: int = 2) -> Times:
    """Run all programs in turns for about `seconds`, at least three turns; every other turn in the reverse order."""
    for _ in range(warm_up):
        for program in programs.values():
            program()
    taken: dict[str, list[float]] = {name: [] for name in programs}
    end, turn = time.perf_counter() + seconds, 0
    while turn < 3 or time.perf_counter() < end:
        names = list(programs)
        for name in names if turn % 2 == 0 else reversed(names):
            began = clock()
            programs[name]()
            taken[name].append(clock() - began)
        turn += 1
    return Times(taken)
