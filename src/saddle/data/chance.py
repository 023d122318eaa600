"""Chance that is a function of what it is for and of a sample's place: the same on every machine and in every order."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.rng import number
from .sampler import hashed

Floats = NDArray[np.float64]
Places = NDArray[np.integer[Any]]  # whole numbers, such as a sample's place or random bits: [N]


def uniform(what: str, places: Places, count: int) -> Floats:
    """Numbers in [0, 1) for each of the places: [N, count]; another `what` gives other numbers."""
    return (_bits(what, places, count) >> np.uint64(11)) / 2.0**53


def noise(what: str, places: Places, shape: tuple[int, ...]) -> Floats:
    """Nearly Gaussian numbers of mean 0 and deviation 1 for each of the places: [N, *shape], at most 3.5 from 0.

    Each is the sum of four uniform ones, which the 64 bits of one draw give, so no machine's logarithm has a say.
    """
    bits = _bits(what, places, int(np.prod(shape)))
    total = np.zeros(bits.shape)
    for k in range(4):
        total += (bits >> np.uint64(16 * k)) & np.uint64(0xFFFF)
    return ((total - 2 * 0xFFFF) / _DEVIATION).reshape(len(places), *shape)


_DEVIATION = ((2.0**32 - 1) / 3) ** 0.5  # of four numbers from 0 to 2¹⁶ - 1: their variances add up


def _bits(what: str, places: Places, count: int) -> NDArray[np.uint64]:
    first = np.full(1, number(what), np.uint64) + places.astype(np.uint64) * np.uint64(count)
    return hashed((first[:, None] + np.arange(count, dtype=np.uint64)).astype(np.uint64))


class Dice:
    """Random numbers of one sample, in the order in which they are asked for: a function of its 64 random bits."""

    def __init__(self, bits: np.uint64) -> None:
        self._bits, self._asked = np.array([bits], np.uint64), 0

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """One from low to high."""
        return low + (high - low) * float(self.uniforms((1,))[0])

    def choice(self, shares: Sequence[float]) -> int:
        """Which one of several, with these shares."""
        return int((self.uniform(0, sum(shares)) >= np.cumsum(shares)[:-1]).sum())

    def uniforms(self, shape: tuple[int, ...]) -> Floats:
        """As many in [0, 1)."""
        return uniform(self._next(), self._bits, int(np.prod(shape))).reshape(shape)

    def noises(self, shape: tuple[int, ...]) -> Floats:
        """As many of mean 0 and deviation 1, as `noise` has them."""
        return noise(self._next(), self._bits, shape)[0]

    def _next(self) -> str:
        self._asked += 1
        return f"dice {self._asked}"
