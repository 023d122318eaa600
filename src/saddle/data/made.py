"""Samples of which several keys are made together, when they are asked for."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .fingerprint import digest
from .source import Column

_BLOCK = 64  # samples that are made at a time

Make = Callable[[NDArray[np.int64]], Mapping[str, np.ndarray]]  # places [N] → by key [N, …]


class Together:
    """`count` samples with several keys. A batch asks for one key after another, so what was made last is kept."""

    def __init__(self, count: int, make: Make) -> None:
        self.count, self._make = count, make
        self._last: tuple[bytes, Mapping[str, np.ndarray]] = (b"", {})

    def columns(self) -> dict[str, Column]:
        """A column for every key."""
        return {key: Made(self, key, array.dtype) for key, array in self.made(np.arange(1)).items()}

    def mark(self) -> str:
        """SHA-256 over all keys of all samples, for a fingerprint."""
        whole = hashlib.sha256()
        for start in range(0, self.count, _BLOCK):
            for key, array in self.made(np.arange(start, min(start + _BLOCK, self.count))).items():
                whole.update(key.encode() + digest(array))
        return whole.hexdigest()

    def made(self, places: NDArray[np.int64]) -> Mapping[str, np.ndarray]:
        """All keys of these samples."""
        asked, kept = places.tobytes(), self._last  # read at once: other threads may ask too
        if asked != kept[0]:
            kept = self._last = (asked, self._make(places))
        return kept[1]


@dataclass(frozen=True)
class Made:
    """One key of samples that are made when asked for."""

    of: Together
    key: str
    dtype: np.dtype[Any]

    def __len__(self) -> int:
        return self.of.count

    def __getitem__(self, places: Any, /) -> np.ndarray:
        index = np.arange(len(self))[places]
        made = self.of.made(np.atleast_1d(index))[self.key]
        return made.copy() if np.ndim(index) else made[0].copy()  # nobody changes what is kept
