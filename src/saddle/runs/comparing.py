"""Scores of one set of samples against another: folders, arrays, and what runs draw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..base import rng
from ..base.errors import UsageError
from ..base.folder import RunFolder
from ..base.precision import choose_device
from ..base.settings import change
from ..data import DataOptions, open_source, source_at
from ..metrics import kept
from ..metrics.drawing import Sampler
from ..metrics.evaluation import check, evaluate
from ..metrics.evidence import Evidence
from ..metrics.extractors import extractor as extractor_named
from ..metrics.features import Extractor
from ..metrics.ingredients import Images, chunks
from ..metrics.names import chosen
from ..metrics.reference import Reference, trained
from ..metrics.score import Score
from ..metrics.swd import all_patches
from ..tasks import Synthesis
from .chunks import CHUNK
from .run import DRAWN, Run
from .scoring import SAMPLES

if TYPE_CHECKING:
    from ..data.source import Source

Place = str | PathLike[str]
BY_FEATURES = ("fid", "kid", "precision", "recall", "density", "coverage")  # unasked, where something looks at images
BY_PATCHES = ("swd",)  # where nothing does
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
    given = _opened(samples, device, data or {})
    count, place, where = _count(given, n), choose_device(device), Path(reference)
    drawn = Sampler(InOrder(given) if isinstance(given, Samples) else given)
    look: Extractor | None = None
    if where.suffix == kept.SUFFIX:
        name = extractor or kept.extractor_of(where)
        look = extractor_named(name, weights, place, train=kept.made_into(where))
        real: Images = (there := kept.load(where, look, given.shape))
        names = metrics or (BY_FEATURES + (BY_PATCHES if there.patches is not None else ()))
        _check(names, count, drawn, real, look, save_reference)
    else:
        other = _opened(where, device, data or {})
        look = extractor_named(extractor, weights, place) if extractor else None
        names = metrics or ((BY_FEATURES if look else ()) + BY_PATCHES)
        _check(names, count, drawn, _stand_in(other, n), look, save_reference)
        real = _reference(other, n, seed)
        look = extractor_named(extractor, train=trained(real)) if extractor == OF_IMAGES else look
    if save_reference and look:
        kept.save(save_reference, _to_keep(real, look, names), look, given.shape)
    return _measured(drawn, real, names, look, count, seed)


def _measured(
    drawn: Sampler, real: Images, names: Sequence[str], look: Extractor | None, count: int, seed: int
) -> dict[str, Score]:
    with rng.apart(seed, "score"):
        return evaluate(drawn, real, names, look, n=count, batch=DRAWN, seed=seed, reference=LABEL)


def _check(
    names: Sequence[str],
    n: int,
    samples: Sampler,
    real: Images,
    look: Extractor | None,
    save_reference: Place | None,
) -> None:
    """UsageError for what cannot be, before anything is drawn or looked at."""
    if save_reference and look is None:
        raise UsageError(
            "--save-reference keeps what an extractor sees, and needs one; choose one with --extractor, such as own or "
            "pixels"
        )
    if save_reference:
        kept.check(save_reference)
    evidence = Evidence({"samples": samples, "real": real, "extractor": look}, n=n)
    for name, metric in chosen(names).items():
        check(name, metric, evidence)


def _stand_in(other: Samples | Drawing, n: int | None) -> Images:
    """What is compared with, as far as it can be known before it is drawn: its count and its shape."""
    return other if isinstance(other, Samples) else torch.empty(_count(other, n), *other.shape, device="meta")


def _reference(other: Samples | Drawing, n: int | None, seed: int) -> Samples | list[Tensor]:
    """What is compared with, in chunks."""
    if isinstance(other, Samples):
        return other
    count = _count(other, n)
    with rng.apart(seed, "reference"):
        return [other(min(DRAWN, count - start)).cpu() for start in range(0, count, DRAWN)]


def _to_keep(real: Images, look: Extractor, names: Sequence[str]) -> Reference:
    """The reference, with patches of its images if a metric is for them; one that was kept before, as it is."""
    if isinstance(real, Reference):
        return real
    looked = Reference.of(real, look, LABEL)  # whose features stay
    return replace(looked, patches=all_patches(chunks(real))) if {*BY_PATCHES} & {*names} else looked


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
