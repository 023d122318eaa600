"""What data is: the digest of every sample, the fingerprint of all of them, the part that is held out."""

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FEWEST = 20  # with fewer images than this none are held out
_BLOCK = 2**22  # values that are made at a time


def digest(sample: np.ndarray) -> bytes:
    """SHA-256 of one sample: its type, its shape and its values."""
    marked = hashlib.sha256(f"{sample.dtype.str}{sample.shape}".encode())
    marked.update(np.ascontiguousarray(sample).reshape(-1).view(np.uint8).data)  # not a copy of it
    return marked.digest()


@dataclass(frozen=True)
class InParts:
    """Samples that are made when asked for, hashed as the array of them all without being in memory all at once."""

    column: Any
    shape: tuple[int, ...]

    def digest(self) -> bytes:
        """That of `column[:]`."""
        marked = hashlib.sha256(f"{self.column.dtype.str}{self.shape}".encode())
        rows = max(_BLOCK // math.prod(self.shape[1:]), 1)
        for start in range(0, self.shape[0], rows):
            marked.update(np.ascontiguousarray(self.column[start : start + rows]).data)
        return marked.digest()


def digests(samples: Iterable[np.ndarray]) -> NDArray[np.uint8]:
    """The digest of every sample, [N, 32]."""
    return np.frombuffer(b"".join(map(digest, samples)), np.uint8).reshape(-1, 32)


def fingerprint(*parts: object) -> str:
    """SHA-256 over arrays (their values) and anything else (its repr): what a resumed run compares."""
    whole = hashlib.sha256()
    for part in parts:
        marked = part.digest() if isinstance(part, InParts) else digest(part) if isinstance(part, np.ndarray) else None
        whole.update(repr(part).encode() if marked is None else marked)
    return whole.hexdigest()


def hold_out(marks: NDArray[np.uint8], share: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which samples to train on and which to keep for the scores, a function of their digests [N, 32] alone.

    The order of the digests is as good as random and needs no seed. Equal samples have equal digests and stay on one
    side: a copy of a training image would flatter the scores.
    """
    order = np.lexsort(marks.T[::-1])
    kept = _wanted(marks, share)
    while kept > 0 and (marks[order[kept]] == marks[order[kept - 1]]).all():
        kept -= 1
    return np.sort(order[kept:]), np.sort(order[:kept])


def shrunk(marks: NDArray[np.uint8], share: float, names: Sequence[str] | None = None) -> dict[str, str]:
    """A note that says which copies have made the held-out part smaller than its share; empty where none have."""
    wanted, order = _wanted(marks, share), np.lexsort(marks.T[::-1])
    held = len(hold_out(marks, share)[1])
    if held == wanted:
        return {}
    copies = np.sort(np.flatnonzero((marks == marks[order[held]]).all(1)))
    named = [names[i] if names else f"number {i}" for i in copies]
    few = f"{', '.join(named[:3])}{', …' if len(named) > 3 else ''}"
    return {
        "held out": f"{held:,} samples are held out in place of {wanted:,}: copies stay on one side, and there are "
        f"{len(copies):,} of one ({few})"
    }


def _wanted(marks: NDArray[np.uint8], share: float) -> int:
    return min(round(share * len(marks)), len(marks) - 1) if len(marks) >= FEWEST else 0


def picked(names: Sequence[bytes] | NDArray[np.uint8], limit: int | None) -> NDArray[np.int64]:
    """The places of `limit` of these, in order: a function of the names (or digests) alone, whatever their order.

    As good as random, and nested: what a limit takes, a larger one takes too. All of them without a limit.
    """
    if limit is None or limit >= len(names):
        return np.arange(len(names))
    marks = [hashlib.sha256(b"limit " + bytes(name)).digest() for name in names]
    return np.sort(np.array(sorted(range(len(names)), key=marks.__getitem__)[:limit], np.int64))
