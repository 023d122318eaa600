"""A data source: columns of samples, split into what is trained on and what is held out for the scores."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..base.errors import UsageError
from ..spec import Batch, DataSpec


class Column(Protocol):
    """Samples by their places: an array, a memory map, or something that makes them when asked.

    Images are uint8 or uint16 [N, C, H, W], points float32 [N, D], labels int64 [N].
    """

    @property
    def dtype(self) -> np.dtype[Any]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, places: Any, /) -> np.ndarray: ...


@dataclass(frozen=True)
class Rows:
    """Some rows of an array, in an order of their own, without a copy."""

    array: np.ndarray
    rows: NDArray[np.int64]

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.array.dtype

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, places: Any, /) -> np.ndarray:
        return np.asarray(self.array)[self.rows[places]]


@dataclass(frozen=True)
class Several:
    """Values uint8 [M, L], several of each of N samples: each draw takes one of them, without a draw the first counts.

    They come as int64, as captions do.
    """

    values: NDArray[np.uint8]
    starts: NDArray[np.int64]  # where those of each sample begin, and the end: [N + 1]

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.int64)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, places: Any, /) -> np.ndarray:
        return self.values[self.starts[:-1][places]].astype(np.int64)

    def drawn(self, places: NDArray[np.int64], bits: NDArray[np.uint64]) -> np.ndarray:
        """Of each place the one that its random bits say."""
        counts = np.diff(self.starts)[places].astype(np.uint64)
        return self.values[self.starts[places] + (bits % counts).astype(np.int64)].astype(np.int64)


@dataclass(frozen=True)
class Split:
    """Columns by key. Those of one domain belong together, sample by sample; domains are unpaired, of any lengths."""

    columns: Mapping[str, Column]
    domains: tuple[tuple[str, ...], ...] = ()  # default: all keys in one

    def __post_init__(self) -> None:
        if not self.domains:
            object.__setattr__(self, "domains", (tuple(self.columns),))
        if sorted(key for domain in self.domains for key in domain) != sorted(self.columns):
            raise ValueError(f"domains {self.domains} do not share out the keys {tuple(self.columns)}")
        for domain in self.domains:
            if len({len(self.columns[key]) for key in domain}) > 1:
                raise ValueError(f"columns {domain} belong together but differ in length")

    def __len__(self) -> int:
        """Samples of the first key."""
        return len(next(iter(self.columns.values())))

    def stored(self, places: Mapping[str, NDArray[np.int64]], bits: NDArray[np.uint64] | None = None) -> Batch:
        """The samples at the places of each key, on the CPU and as they are kept: images uint8 or uint16.

        Random `bits` choose where a sample has several values.
        """
        found = {}
        for key, index in places.items():
            column = self.columns[key]
            taken = column.drawn(index, bits) if bits is not None and isinstance(column, Several) else column[index]
            found[key] = torch.from_numpy(np.ascontiguousarray(taken))
        return found

    def batch(self, places: Mapping[str, NDArray[np.int64]]) -> Batch:
        """The samples at the places of each key, images as float in [-1, 1]."""
        return {key: decoded(column) for key, column in self.stored(places).items()}

    def take(self, indices: Any) -> Batch:
        """The samples at the same places of every key; a slice or a list of places will do."""
        shortest = min(map(len, self.columns.values()))  # of unpaired domains
        index = np.arange(shortest)[indices] if isinstance(indices, slice) else np.asarray(indices, np.int64)
        return self.batch(dict.fromkeys(self.columns, index))


@dataclass(frozen=True)
class Count:
    """How papers count the modes of these data: by which metrics, and of how many samples."""

    metrics: tuple[str, ...]
    samples: int


@dataclass(frozen=True)
class Judged:
    """How samples are scored that a game draws of these data, unless asked otherwise: by nothing, of any images."""

    extractor: str | None = None  # that looks at them, by name
    early: tuple[str, ...] = ()  # metrics on the way; the first one chooses the best checkpoint
    final: tuple[str, ...] = ()  # metrics at the end; what a game cannot give is left out of both
    samples: int = 2000  # that are scored
    modes: Count | None = None
    mixture: tuple[np.ndarray, float] | None = None  # centres [K, D] and deviation of Gaussians that points come from
    grammar: bool = False  # are captions those of spec.grammar, which can be read back from a picture?
    other: Callable[[], np.ndarray] | None = None  # beside one image that is learned: another, uint8 [C, H, W]


OF_VECTORS = Judged("pixels", early=("swd",), final=("precision", "recall", "swd"))  # points and signals of the user's


@dataclass(frozen=True)
class Source:
    """Data that a game can play on."""

    name: str
    spec: DataSpec
    train: Split
    heldout: Split | None
    fingerprint: str  # sha256 of the contents and of what shaped them; another one is other data
    notes: dict[str, Any] = field(
        default_factory=dict
    )  # what a person should know, such as how many files were skipped
    judged: Judged = Judged()


def decoded(stored: Tensor) -> Tensor:
    """Images from uint8 or uint16 to float in [-1, 1], where they lie; everything else as it is."""
    if stored.dtype not in (torch.uint8, torch.uint16):
        return stored
    half = 127.5 if stored.dtype == torch.uint8 else 32767.5
    return stored.to(torch.float32).div_(half).sub_(1.0)


def check_batch(source: Source, batch_size: int) -> None:
    """Raise UsageError if a batch would hold a sample twice, unless there is but one."""
    if source.spec.single:
        return
    for key in source.spec.keys:
        n = len(source.train.columns[key])
        if n < batch_size:
            raise UsageError(
                f"{source.name} has {n} samples of {key!r} to train on, fewer than a batch of {batch_size}; "
                f"ask for a batch size of at most {n}, or give more data"
            )
