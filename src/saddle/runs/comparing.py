"""Scores of one set of samples against another: folders, arrays, and what runs draw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ..base import rng
from ..base.errors import UsageError
from ..base.folder import RunFolder
from ..base.precision import choose_device
from ..base.settings import change
from ..data import DataOptions, open_source, source_at
from ..metrics import kept
from ..metrics.drawing import Sampler
from ..metrics.evaluation import evaluate
from ..metrics.extractors import extractor as extractor_named
from ..metrics.names import chosen
from ..metrics.reference import Reference, trained
from ..metrics.score import Score
from ..tasks import Synthesis
from .chunks import CHUNK
from .run import DRAWN, Run
from .scoring import SAMPLES

if TYPE_CHECKING:
    from ..data.source import Source

Place = str | PathLike[str]
BY_FEATURES = ("fid", "kid", "precision", "recall", "density", "coverage")  # unasked, where something looks at images
BY_THEMSELVES = ("swd",)  # where nothing does
OF_IMAGES = "own"  # the extractor that measures by images: here by those of the reference
LABEL = "given"  # of the reference, in fingerprints


@dataclass(frozen=True)
class Samples:
    """Samples [N, …] that lie somewhere: images in [-1, 1], points and signals in their own numbers. In chunks."""

    source: Source

    def __len__(self) -> int:
        return len(self.source.train)

    def __iter__(self) -> Iterator[Tensor]:
        for start in range(0, len(self), CHUNK):
            yield self[start : start + CHUNK]

    def __getitem__(self, places: slice) -> Tensor:
        field, found = self.source.spec.main, self.source.train.take(places)[self.source.spec.keys[0]]
        return found if self.source.spec.is_image else field.restored(found)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.source.spec.shape


@dataclass
class InOrder:
    """k more of some samples at each call."""

    samples: Samples
    next: int = 0

    def __call__(self, k: int) -> Tensor:
        """The next k samples, [k, …]."""
        self.next += k
        return self.samples[slice(self.next - k, self.next)]


@dataclass(frozen=True)
class Drawing:
    """What a run draws: k more at each call."""

    run: Run

    def __call__(self, k: int) -> Tensor:
        """k new samples, [k, …]."""
        drawn = self.run.as_(Synthesis).sample(k).float()
        return drawn.clamp(-1, 1) if self.run.spec.is_image else self.run.spec.main.restored(drawn)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.run.spec.shape


def score(
    samples: Place,
    reference: Place,
    metrics: Sequence[str] | None = None,
    *,
    n: int | None = None,
    extractor: str | None = None,
    weights: str | Path | None = None,
    seed: int = 0,
    device: str = "auto",
    data: Mapping[str, Any] | None = None,
    save_reference: Place | None = None,
) -> dict[str, Score]:
    """Scores of samples against a reference, by name. Either is a folder of images, an .npy or .npz file, or a run's
    folder, which stands for what the run draws; the reference may also be a file that `save_reference` has written.

    `n` samples are taken, by default all, and 2,000 of a run. `extractor` looks at them, with `weights` of its file;
    without one, only metrics that need none are there. `data` are settings of how folders and arrays are read, such as
    {"data.size": 64}. UsageError for what cannot be compared.
    """
    place, where = choose_device(device), Path(reference)
    known = where.suffix == kept.SUFFIX
    name = extractor or (kept.extractor_of(where) if known else None)
    names = metrics or ((BY_FEATURES if name else ()) + (() if known else BY_THEMSELVES))
    _check(names, name, save_reference)
    given = _opened(samples, device, data or {})
    count = _count(given, n)
    with rng.apart(seed, "reference"):
        images = None if known else _reference(where, n, device, data or {})
    by = trained(images) if name == OF_IMAGES and images is not None else None
    seen = extractor_named(name, weights, place, train=by) if name else None
    real = kept.load(where, seen, given.shape) if images is None and seen else images
    if save_reference and seen and real is not None:
        looked = real if isinstance(real, Reference) else Reference.of(real, seen, LABEL)  # whose features stay
        kept.save(save_reference, looked, seen, given.shape)
    with rng.apart(seed, "score"):
        drawn = InOrder(given) if isinstance(given, Samples) else given
        return evaluate(Sampler(drawn), real, names, seen, n=count, batch=DRAWN, seed=seed, reference=LABEL)


def _check(names: Sequence[str], extractor: str | None, save_reference: Place | None) -> None:
    """UsageError for what cannot be, before an image is read."""
    chosen(names)
    if save_reference and extractor in (None, OF_IMAGES):
        raise UsageError(
            "--save-reference keeps features, and needs an extractor that does not depend on the images; choose one "
            "with --extractor, such as pixels"
        )


def _reference(where: Path, n: int | None, device: str, data: Mapping[str, Any]) -> Samples | list[Tensor]:
    """What is compared with, in chunks."""
    found = _opened(where, device, data)
    if isinstance(found, Samples):
        return found
    count = _count(found, n)
    return [found(min(DRAWN, count - start)).cpu() for start in range(0, count, DRAWN)]


def _opened(where: Place, device: str, data: Mapping[str, Any]) -> Samples | Drawing:
    """UsageError where there are no samples."""
    path = Path(where)
    if RunFolder(path).recipe.is_file():
        run = Run(path, device=device)
        run.as_(Synthesis)
        return Drawing(run)
    edits = {name.removeprefix("data."): value for name, value in data.items()}
    return Samples(open_source(change(DataOptions(source=source_at(path), heldout=0), edits)))


def _count(given: Samples | Drawing, n: int | None) -> int:
    """How many are taken. UsageError for more than there are."""
    if isinstance(given, Drawing):
        return n or SAMPLES
    if n is not None and n > len(given):
        raise UsageError(f"{given.source.name} has {len(given):,} samples, not {n:,}; ask for fewer with -n")
    return n or len(given)
