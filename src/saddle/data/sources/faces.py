"""faces: drawn faces with attributes: the colour of the hair, and whether there is a beard, a smile and glasses."""

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray

from ...base.errors import UsageError
from ...spec import Condition, DataSpec
from ...spec.conditions import MOST_ROWS, distribution
from ..baselines import Baseline, Labelled, told
from ..crops import KEPT, sides_of_pairs
from ..fingerprint import fingerprint
from ..made import Make, Together
from ..options import AUGMENTATIONS, DataOptions
from ..picture import with_channels
from ..portraits import ATTRIBUTES, HAIRS, attributes, faces, lights, photographed
from ..source import Judged, Source, Split

OFFERS = ("image", "label")  # keys of its batches
CONDITION = Condition("labels", ATTRIBUTES, groups=(HAIRS,))
JUDGED = Judged(early=("swd",), final=("swd", "swd_floor", "swd_multiple"))
TRAINED = 20_000  # faces, each drawn when it is asked for
_TRAIN, _KEPT = "faces train", "faces held out"  # what chance is drawn for
_MARKED = 64  # held-out faces whose pixels say which faces these are
_SMALL, _SHOWN = 32, 600  # pixels of the faces that a classifier sees, and how many it is trained on


def open(options: DataOptions, path: str) -> Source:
    """Keys image and label, 0 or 1 for each of the attributes; size 64 and 3 channels unless asked otherwise."""
    spec = spec_of(options, path)
    train, kept = _split(_TRAIN, TRAINED, spec), _split(_KEPT, KEPT, spec)
    mark = fingerprint(options.source, TRAINED, KEPT, spec.identity(), kept.columns["image"][np.arange(_MARKED)])
    return Source(options.source, spec, train, kept, mark, judged=JUDGED)


def _split(what: str, count: int, spec: DataSpec) -> Split:
    """So many faces, drawn when they are asked for; of all of them the attributes are known at once."""
    drawn = Together(count, _maker(what, spec.shape[1:], spec.shape[0]))
    return Split({**drawn.columns(), "label": attributes(what, np.arange(count))})


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, without a drawing."""
    options.allow("size", "channels", *AUGMENTATIONS)
    channels = options.channels_of() or 3
    if channels not in (1, 3):
        raise UsageError(f"data.channels is {options.channels}; drawn faces have 3, or are made grey with 1")
    rows = torch.from_numpy(attributes(_TRAIN, np.arange(MOST_ROWS)))
    shape = (channels, *sides_of_pairs(options))
    return DataSpec.of(shape, OFFERS, condition=CONDITION, distribution=distribution(CONDITION, rows))


def baselines(source: Source, options: DataOptions) -> Iterable[Baseline]:
    """How well classifiers tell the attributes of held-out faces at 32×32 pixels."""
    parts = ((_TRAIN, np.arange(_SHOWN)), (_KEPT, np.arange(KEPT)))
    sides = (_SMALL, _SMALL)
    images = np.concatenate([_maker(what, sides)(places)["image"] for what, places in parts]) / 255
    has = np.concatenate([attributes(what, places) for what, places in parts])
    asked = {"hair": has[:, : len(HAIRS)].argmax(1)}
    asked |= {name: has[:, k].astype(np.int64) for k, name in enumerate(ATTRIBUTES) if name not in HAIRS}
    for what, known in asked.items():
        right = told(*2 * [Labelled(what, images, known, _SHOWN)])
        yield Baseline(f"SVC {what}", f"trained on faces with their {what}, shown held-out ones", right, "% right")


def _maker(what: str, sides: tuple[int, ...], channels: int = 3) -> Make:
    def make(places: NDArray[np.int64]) -> dict[str, np.ndarray]:
        colours = faces(what, places, sides[0], sides[1]).lit(lights(what, places))
        drawn = photographed(colours, what, places).transpose(0, 2, 3, 1)
        return {"image": with_channels(drawn, channels).transpose(0, 3, 1, 2)}

    return make
