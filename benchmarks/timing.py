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
    same_as: str = ""  # the key of the figure that is this one by construction

    @classmethod
    def of(cls, samples: list[float]) -> "Figure":
        if len(samples) < 2:
            return cls(samples[0], samples[0], samples[0])
        low, middle, high = statistics.quantiles(samples, n=4, method="inclusive")
        return cls(middle, low, high)


@dataclass(frozen=True)
class Times:
    """Seconds of every program in every turn: by the clock that was asked for, and of the processor in any case."""

    seconds: dict[str, list[float]]
    of_processor: dict[str, list[float]]

    def of(self, name: str, count: int = 1, processor: bool = False) -> Figure:
        """Of one of `count` rounds."""
        return Figure.of([x / count for x in self._taken(processor)[name]])

    def ratio(self, a: str, b: str, processor: bool = False) -> Figure:
        """Time of `a` over time of `b`, turn by turn, so that a slow minute of the machine weighs on both."""
        taken = self._taken(processor)
        return Figure.of([x / y for x, y in zip(taken[a], taken[b], strict=True)])

    def _taken(self, processor: bool) -> dict[str, list[float]]:
        return self.of_processor if processor else self.seconds


def by_processor() -> bool:
    """Are seconds those of the processor, as BENCH_CLOCK=processor asks, and not the clock's?"""
    return os.environ.get("BENCH_CLOCK") == "processor"


def interleave(programs: Mapping[str, Callable[[], object]], seconds: float, warm_up: int = 2) -> Times:
    """Run all programs in turns for about `seconds`, at least three turns; every other turn in the reverse order."""
    for _ in range(warm_up):
        for program in programs.values():
            program()
    by_clock: dict[str, list[float]] = {name: [] for name in programs}
    of_processor: dict[str, list[float]] = {name: [] for name in programs}
    end, turn = time.perf_counter() + seconds, 0
    while turn < 3 or time.perf_counter() < end:
        names = list(programs)
        for name in names if turn % 2 == 0 else reversed(names):
            began = time.perf_counter(), time.process_time()
            programs[name]()
            by_clock[name].append(time.perf_counter() - began[0])
            of_processor[name].append(time.process_time() - began[1])
        turn += 1
    return Times(of_processor if by_processor() else by_clock, of_processor)
