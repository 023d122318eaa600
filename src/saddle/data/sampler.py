"""Which sample comes when: a pure function of the seed and of how many were drawn, so there is no state to lose."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..base.rng import number


def places(seed: int, key: str, n: int, start: int, count: int) -> NDArray[np.int64]:
    """Places of draws start … start + count - 1 in an endless row of permutations of 0 … n - 1, one an epoch."""
    if n < 1:
        raise ValueError("no samples to draw from")
    first, end = start // n, max(start, start + count - 1) // n + 1
    epochs = [_permutation(seed, key, n, epoch) for epoch in range(first, end)]
    drawn = epochs[0] if len(epochs) == 1 else np.concatenate(epochs)
    return drawn[start - first * n :][:count]


def apart(start: int, n: int, batch: int) -> int:
    """From which draw on sample number `start` and those behind it in its batch come, so that no batch has one twice.

    The draws that would fill the last batch of an epoch in part are left out; each epoch, these are others. Where there
    are fewer than a batch, all stays as it is.
    """
    whole = n // batch  # batches of an epoch
    if not whole:
        return start
    which, within = divmod(start, batch)
    epoch, at = divmod(which, whole)
    return epoch * n + at * batch + within


@lru_cache(maxsize=4)  # two epochs of two domains
def _permutation(seed: int, key: str, n: int, epoch: int) -> NDArray[np.int64]:
    # Sorting raw bits, because numpy promises the bits of a generator for ever, but not its `permutation`.
    order = np.argsort(np.random.PCG64(number("epoch", seed, key, epoch)).random_raw(n), kind="stable")
    order.setflags(write=False)  # shared by the cache
    return order


def coins(seed: int, key: str, start: int, count: int) -> NDArray[np.bool_]:
    """Fair coins number start … start + count - 1: [count] of True and False."""
    return (draws("coin", seed, key, start, count) >> np.uint64(63)).astype(np.bool_)


def draws(what: str, seed: int, key: str, start: int, count: int) -> NDArray[np.uint64]:
    """Random bits of draws start … start + count - 1, other ones for every `what`."""
    return hashed(np.arange(start, start + count, dtype=np.uint64) + np.uint64(number(what, seed, key)))


def hashed(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Random bits for every number: SplitMix64 (Steele, Lea, Flood, 2014), seeded by the number itself."""
    x = x * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
