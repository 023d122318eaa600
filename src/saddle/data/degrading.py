"""Any source of images with damaged or small ones beside them, which are made when they are drawn."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..base.errors import UsageError, some
from ..base.rng import number
from ..spec import DataSpec
from .degradations import degraded
from .fingerprint import fingerprint
from .options import DataOptions, Degrade
from .sampler import hashed
from .source import Derived, Source, Split

IMAGE, DAMAGED = "image", "damaged"
VERSION = 1  # of what is made: another number, and the data are others
T = TypeVar("T")


@dataclass(frozen=True)
class Degraded(Derived):
    """Images [N, C, H, W] as they are when damaged, of the same piece: [N, C, H / times, W / times].

    Where chance has a say, it is another one each time a sample is drawn; without a draw, always that of its place.
    """

    name: Degrade
    times: int
    part: str  # of the data, for which chance is drawn

    def __getitem__(self, places: Any, /) -> np.ndarray:
        index = np.arange(len(self))[places]
        every = np.atleast_1d(index)
        bits = hashed(every.astype(np.uint64) + np.uint64(number("degrade", self.part)))
        made = degraded(np.asarray(self.images[every]), self.name, self.times, bits)
        return made if np.ndim(index) else made[0]

    def drawn(self, places: NDArray[np.int64], bits: NDArray[np.uint64]) -> np.ndarray:
        return degraded(self.given(places, bits), self.name, self.times, bits)


@dataclass(frozen=True)
class Trimmed(Derived):
    """Images [N, C, H, W] without the last rows and columns: [N, C, *sides]."""

    sides: tuple[int, int]

    def __getitem__(self, places: Any, /) -> np.ndarray:
        return np.asarray(self.images[places])[..., : self.sides[0], : self.sides[1]]

    def drawn(self, places: NDArray[np.int64], bits: NDArray[np.uint64]) -> np.ndarray:
        return self.given(places, bits)[..., : self.sides[0], : self.sides[1]]


def degrading(source: Source, options: DataOptions) -> Source:
    """The source with key damaged beside image: other data. UsageError as `degrading_spec`."""
    assert options.degrade is not None
    name, times = options.degrade, options.times

    spec = degrading_spec(source.spec, options)
    own, (height, width) = source.spec.fields[IMAGE].shape[1:], spec.fields[IMAGE].shape[1:]

    def split(of: Split, part: str) -> Split:
        image = of.columns[IMAGE] if own == (height, width) else Trimmed(of.columns[IMAGE], (height, width))
        made = Degraded(image, name, times, part)
        return Split(_beside({**of.columns, IMAGE: image}, made), _domains(of.domains))

    heldout = source.heldout and split(source.heldout, "held out")
    mark = fingerprint("degrade", VERSION, name, times, source.fingerprint)
    cut = "" if own == (height, width) else f"; images of {own[0]}×{own[1]} are cut to {height}×{width}"
    notes = {**source.notes, "degrade": f"{DAMAGED}: {_said(name, times)}{cut}"}
    return replace(
        source, spec=spec, train=split(source.train, "train"), heldout=heldout, fingerprint=mark, notes=notes
    )


def degrading_spec(spec: DataSpec, options: DataOptions) -> DataSpec:
    """The same of a spec. UsageError for data without key image, and for sides that cannot be divided.

    Images at sizes of their own lose the last rows and columns, by which they are no multiple of data.times.
    """
    image = spec.fields.get(IMAGE)
    if image is None or image.kind != "image" or DAMAGED in spec.fields:
        what = "damaged images already" if DAMAGED in spec.fields else some(spec.keys) if image is None else image
        raise UsageError(
            f"data.degrade makes damaged images of whole ones, key {IMAGE}, and {options.source} has {what}; leave it "
            "out, or choose images such as --data photos or --data folder:PATH"
        )
    channels, *own = image.shape
    sides = [side // options.times for side in own]
    if not min(sides):
        raise UsageError(
            f"{options.source} has images of {own[0]}×{own[1]} pixels, of which data.times {options.times} leaves none"
        )
    whole = replace(image, shape=(channels, *(side * options.times for side in sides)))
    small = replace(image, shape=(channels, *sides))
    return replace(spec, fields=_beside({**spec.fields, IMAGE: whole}, small), domains=_domains(spec.domains))


def _said(name: Degrade, times: int) -> str:
    return f"{name}, {'of the same size' if times == 1 else f'1/{times} of the size'}"


def _beside(values: Mapping[str, T], made: T) -> dict[str, T]:
    """With what was made right behind the image, for the first key says in which order samples come."""
    found: dict[str, T] = {}
    for key, value in values.items():
        found |= {key: value, DAMAGED: made} if key == IMAGE else {key: value}
    return found


def _domains(domains: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(_beside(dict.fromkeys(domain), None)) for domain in domains)
