"""scenes: drawn scenes with a road, houses, trees and cars: a map of what is what (a), the picture (b), instances."""

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
from ..scenery import NAMES, PALETTE, lights, photographed, scenes
from ..source import Judged, Source, Split
from ..trivial import of_drawings

OFFERS = ("a", "b", "instances")  # keys of its batches
JUDGED = Judged()
TRAINED = 20_000  # scenes, each drawn when it is asked for
_TRAIN, _KEPT = "scenes train", "scenes held out"  # what chance is drawn for


def open(options: DataOptions, path: str) -> Source:
    """Keys a, b and instances: of a thing class · 1000 + k, of sky, ground and road the class.

    The light is random and the map does not say it; the splits' column `light` does, [N, 3] in [-1, 1]: from the right,
    bright and warm. Noise of deviation 0.03 (of 1) gives whoever knows the light 30.5 dB at most.
    """
    spec = spec_of(options, path)
    sides = spec.fields["a"].shape
    train = Together(TRAINED, _maker(_TRAIN, (sides[0], sides[1])))
    kept = Together(KEPT, _maker(_KEPT, (sides[0], sides[1])))
    mark = fingerprint(options.source, TRAINED, spec.identity(), kept.mark())
    return Source(options.source, spec, Split(train.columns()), Split(kept.columns()), mark, judged=JUDGED)


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, without a drawing."""
    return drawings.spec_of(options, NAMES, PALETTE, "scene")


def baselines(source: Source, options: DataOptions) -> Iterable[Baseline]:
    """Those of all pairs; what the noise leaves to reach; and whether mean colours tell the classes."""
    kept = np.arange(KEPT)

    def clean() -> NDArray[np.float64]:
        return scenes(_KEPT, kept, *source.spec.fields["a"].shape).lit(lights(_KEPT, kept))

    return of_drawings(source, options, clean)


def _maker(what: str, sides: tuple[int, int]) -> Make:
    def make(places: NDArray[np.int64]) -> dict[str, np.ndarray]:
        scene, light = scenes(what, places, *sides), lights(what, places)
        image = photographed(scene.lit(light), what, places)
        return {"a": scene.labels, "b": image, "instances": scene.numbers, "light": light.astype(np.float32)}

    return make
