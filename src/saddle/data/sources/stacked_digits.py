"""stacked-digits: three digits as red, green and blue: 1,000 modes; 128,000 triples, and 26,000 of held-out digits."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...base.errors import UsageError
from ...spec import DataSpec
from ..digits import TRAINED, enlarged, labels, sides
from ..fingerprint import fingerprint
from ..labels import learned
from ..options import AUGMENTATIONS, DataOptions
from ..sampler import hashed
from ..source import Count, Judged, Source, Split

TRIPLES, HELD_OUT = 128_000, 26_000  # as many as PacGAN (1712.04086) trains on and counts modes in
_MODES = Count(("stacked_modes", "stacked_kl"), HELD_OUT)
OFFERS = ("image", "label")  # keys of its batches
JUDGED = Judged(
    "digits", ("stacked_modes",), _MODES.metrics, HELD_OUT, _MODES
)  # of 2,000 samples equal shares show 865


def triples(places: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Which of n digits each place stacks, [N, 3]: a function of the place, so nothing need be kept."""
    counter = 3 * np.asarray(places)[:, None] + np.arange(3)
    return (hashed(counter.astype(np.uint64)) % np.uint64(n)).astype(np.int64)


@dataclass(frozen=True)
class Stacked:
    """Images uint8 [N, 3, H, W], put together when asked for."""

    digits: NDArray[np.uint8]  # [D, 1, H, W]
    n: int

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.digits.dtype

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, places: Any, /) -> np.ndarray:
        return self.digits[triples(np.arange(self.n)[places], len(self.digits)), 0]


def open(options: DataOptions, path: str) -> Source:
    """Keys image and label = 100 red + 10 green + blue; size 32 unless asked otherwise."""
    spec = spec_of(options, path)
    images, known = enlarged(options)
    parts = [
        Split({"image": Stacked(images[part], n), "label": _labels(known[part], n)})
        for part, n in ((slice(None, TRAINED), TRIPLES), (slice(TRAINED, None), HELD_OUT))
    ]
    mark = fingerprint(options.source, images, known, TRIPLES, HELD_OUT)
    return Source(options.source, spec, parts[0], parts[1], mark, judged=JUDGED)


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, without an image."""
    options.allow("size", "channels", *AUGMENTATIONS)
    if options.channels_of() not in (None, 3):
        raise UsageError(f"data.channels is {options.channels}; stacked digits have 3, one digit each")
    spec = DataSpec.of((3, *sides(options)), ("image", "label"), tuple(f"{i:03}" for i in range(1000)))
    return learned(spec, _labels(labels()[:TRAINED], TRIPLES), np.arange(TRIPLES), 0)[0]


def _labels(digits: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Of n triples of these digits, [n]."""
    stacked = digits[triples(np.arange(n), len(digits))] @ np.array([100, 10, 1])
    return np.asarray(stacked, np.int64)
