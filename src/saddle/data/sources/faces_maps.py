"""faces-maps: drawn faces: a map of skin, hair, eyes, brows, nose, mouth, beard (a), the picture (b), instances."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ...spec import DataSpec
from .. import drawings
from ..baselines import Baseline
from ..crops import KEPT
from ..fingerprint import fingerprint
from ..made import Make, Together
from ..options import DataOptions
from ..portraits import NAMES, PALETTE, faces, lights, photographed
from ..source import Judged, Source, Split
from ..trivial import of_drawings

OFFERS = ("a", "b", "instances")  # keys of its batches
JUDGED = Judged()
TRAINED = 20_000  # faces, each drawn when it is asked for
_TRAIN, _KEPT = "faces train", "faces held out"  # what chance is drawn for
_MARKED = 64  # held-out faces whose pixels say which faces these are


def open(options: DataOptions, path: str) -> Source:
    """Keys a, b and instances: of eyes, brows, nose, mouth, beard and glasses class · 1000 + k, of all else the class.

    The faces are those of `faces`. Colours of skin, hair, eyes and wall are random, and the light is; the map does not
    say them. Noise of deviation 0.02 (of 1) gives whoever knows them all 34 dB at most.
    """
    spec = spec_of(options, path)
    sides = spec.fields["a"].shape
    train, kept, marked = (
        Together(count, _maker(what, sides)) for count, what in ((TRAINED, _TRAIN), (KEPT, _KEPT), (_MARKED, _KEPT))
    )
    mark = fingerprint(options.source, TRAINED, KEPT, spec.identity(), marked.mark())
    return Source(options.source, spec, Split(train.columns()), Split(kept.columns()), mark, judged=JUDGED)


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, without a drawing."""
    return drawings.spec_of(options, NAMES, PALETTE, "face")


def baselines(source: Source, options: DataOptions) -> Iterable[Baseline]:
    """Those of all pairs; what the noise leaves to reach; and whether mean colours tell the classes."""
    kept = np.arange(KEPT)

    def clean() -> NDArray[np.float64]:
        height, width = source.spec.fields["a"].shape
        return faces(_KEPT, kept, height, width).lit(lights(_KEPT, kept))

    return of_drawings(source, options, clean)


def _maker(what: str, sides: tuple[int, ...]) -> Make:
    def make(places: NDArray[np.int64]) -> dict[str, np.ndarray]:
        drawn = faces(what, places, sides[0], sides[1])
        image = photographed(drawn.lit(lights(what, places)), what, places)
        return {"a": drawn.labels, "b": image, "instances": drawn.numbers}

    return make
