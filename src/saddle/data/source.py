"""A data source: columns of samples, split into what is trained on and what is held out for the scores."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..base.errors import UsageError
from ..spec import Batch, DataSpec, Field
from .mapped import check_whole
from .ragged import Ragged, cut


class Column(Protocol):
    """Samples by their places: an array, a memory map, or something that makes them when asked.

    Images are uint8 or uint16 [N, C, H, W]; masks bool or uint8, 0 and 255, [N, H, W] or [N, 1, H, W]; maps and
    instances whole numbers [N, H, W]; points [N, D] and signals [N, C, T] numbers of any type; classes int64 [N];
    labels and numbers float32 [N, K]; texts int64 [N, L].
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
        check_whole(self.array)
        return np.asarray(self.array)[self.rows[places]]


class Varied(ABC):
    """A column of which each draw of a sample may show something else. Indexed, it shows what scores compare with."""

    @abstractmethod
    def drawn(self, places: NDArray[np.int64], bits: NDArray[np.uint64]) -> np.ndarray:
        """Of each place what its random bits say."""


@dataclass(frozen=True)
class Derived(Varied):
    """A column of images that are made of another one's, sample by sample."""

    images: Column

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.images.dtype

    def __len__(self) -> int:
        return len(self.images)

    def given(self, places: NDArray[np.int64], bits: NDArray[np.uint64]) -> np.ndarray:
        """What the other column shows in these draws."""
        images = self.images
        return np.asarray(images.drawn(places, bits) if isinstance(images, Varied) else images[places])


@dataclass(frozen=True)
class Cropped(Varied):
    """Pieces of images of many sizes, [N, C, *sides]: each draw takes another one, without a draw it is the centre.

    Of images that belong together `ratio` times as large as the smallest of them, and sides likewise, the same piece is
    taken: corners lie on multiples of `ratio`.
    """

    images: Ragged
    rows: NDArray[np.int64]
    sides: tuple[int, int]
    ratio: int = 1

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.images.dtype

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, places: Any, /) -> np.ndarray:
        rows = self.rows[places]
        return cut(self.images, rows, self._spare(rows) // 2 * self.ratio, self.sides)

    def drawn(self, places: NDArray[np.int64], bits: NDArray[np.uint64]) -> np.ndarray:
        rows = self.rows[places]
        halves = np.stack([bits >> np.uint64(32), bits & np.uint64(0xFFFFFFFF)], 1).astype(np.int64)
        return cut(self.images, rows, (halves * (self._spare(rows) + 1) >> 32) * self.ratio, self.sides)

    def _spare(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """By how much each image is higher and wider than the piece, in steps of `ratio` pixels, [N, 2]."""
        return (self.images.shapes[rows, 1:] - self.sides) // self.ratio


@dataclass(frozen=True)
class Flat(Varied):
    """Images of one channel [N, 1, H, W] as [N, H, W]: maps and instances."""

    images: Rows | Cropped

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.images.dtype

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, places: Any, /) -> np.ndarray:
        return self.images[places][..., 0, :, :]

    def drawn(self, places: NDArray[np.int64], bits: NDArray[np.uint64]) -> np.ndarray:
        drawn = self.images.drawn(places, bits) if isinstance(self.images, Varied) else self.images[places]
        return drawn[:, 0]


@dataclass(frozen=True)
class Several(Varied):
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
        counts = np.diff(self.starts)[places].astype(np.uint64)
        return self.values[self.starts[places] + (bits % counts).astype(np.int64)].astype(np.int64)


@dataclass(frozen=True)
class Split:
    """Columns by key. Those of one domain belong together, sample by sample; domains are unpaired, of any lengths."""

    columns: Mapping[str, Column]
    domains: tuple[tuple[str, ...], ...] = ()  # default: all keys in one
    fields: Mapping[str, Field] = field(default_factory=dict)  # by key; a source adds those of its spec

    def __post_init__(self) -> None:
        if not self.domains:
            object.__setattr__(self, "domains", (tuple(self.columns),))
        if sorted(key for domain in self.domains for key in domain) != sorted(self.columns):
            raise ValueError(f"domains {self.domains} do not divide the keys {tuple(self.columns)}")
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
        stored = {}
        for key, index in places.items():
            column = self.columns[key]
            taken = column.drawn(index, bits) if bits is not None and isinstance(column, Varied) else column[index]
            stored[key] = torch.from_numpy(np.ascontiguousarray(taken))
        return stored

    def batch(self, places: Mapping[str, NDArray[np.int64]]) -> Batch:
        """The samples at the places of each key, each as its field says."""
        return {key: decoded(column, self.fields.get(key)) for key, column in self.stored(places).items()}

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
    relation: Callable[[Any], Any] | None = None  # of two domains: what belongs to images in [-1, 1], both ways


BY_FEATURES = ("fid", "fid_floor", "fid_multiple", "precision", "recall")
BY_PATCHES = ("swd", "swd_floor", "swd_multiple")
ANY_IMAGES = Judged("own", early=("fid", "swd"), final=(*BY_FEATURES, *BY_PATCHES))  # of the user's
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
    earlier: Callable[[], str] | None = None  # the fingerprint that an earlier version gave the same data

    def __post_init__(self) -> None:
        object.__setattr__(self, "train", replace(self.train, fields=self.spec.fields))
        if self.heldout:
            fields = {**self.heldout.fields, **self.spec.fields}  # scores may ask for keys that no game is given
            object.__setattr__(self, "heldout", replace(self.heldout, fields=fields))

    def accepts(self, fingerprint: str | None) -> bool:
        """Is this the fingerprint of these data, given now or by an earlier version?"""
        return fingerprint == self.fingerprint or (self.earlier is not None and fingerprint == self.earlier())


def decoded(stored: Tensor, field: Field | None = None) -> Tensor:
    """Samples as a batch holds them, from what is kept; where they lie. `Field` says what comes of each kind.

    Without a field, uint8 and uint16 are images, and everything else stays as it is.

    Takes [N, …] and gives [N, …].
    """
    kind = field.kind if field else "image"
    if kind == "image" and stored.dtype in (torch.uint8, torch.uint16):
        half = 127.5 if stored.dtype == torch.uint8 else 32767.5
        return stored.to(torch.float32).div_(half).sub_(1.0)
    if kind == "mask":
        white = stored >= 128 if stored.dtype == torch.uint8 else stored > 0
        return white.to(torch.float32).view(len(stored), 1, *stored.shape[-2:])
    if kind in ("map", "instances"):
        return stored.to(torch.int64)
    if field and kind in ("points", "signal"):
        exact = stored if stored.dtype in (torch.float32, torch.float64) else stored.to(torch.float64)
        return field.normalised(exact).to(torch.float32)
    return stored


def check_batch(source: Source, batch_size: int) -> None:
    """Raise UsageError if a batch would hold a sample twice, unless there is but one, or other pieces of it are cut."""
    if source.spec.single:
        return
    free = {key for key, field in source.spec.fields.items() if field.free}
    cut = {key for domain in source.train.domains if free & {*domain} for key in domain}
    for key in source.spec.keys:
        if key in cut:
            continue
        n = len(source.train.columns[key])
        if n < batch_size:
            raise UsageError(
                f"{source.name} has {n} samples of {key!r} to train on, fewer than a batch of {batch_size}; "
                f"ask for --plan.batch {n} or less, or give more data"
            )
