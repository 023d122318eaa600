"""Sources for finding what is unusual: only normal images to train on, and held-out ones of which it is known."""

import numpy as np
from numpy.typing import NDArray

from ..layers.simple_detectors import COMPONENTS, Detector, Mean, Nearest, Principal
from ..spec import DataSpec, Field
from .fingerprint import fingerprint
from .source import Column, Source, Split

NORMAL = "normal"  # class 0 of what is held out
MOST, NUMBERS = 1000, 1 << 25  # normal images that simple detectors see, evenly spaced, and numbers in all of these


def detected(
    name: str,
    spec: DataSpec,
    trained: NDArray[np.uint8],
    kept: NDArray[np.uint8],
    defect: NDArray[np.int64],
    names: tuple[str, ...],
    mask: NDArray[np.bool_] | None = None,
) -> Source:
    """Key image, of normal images. What is held out has `defect` too, and `mask` where one is given.

    `defect` [N] is 0 for a normal image, else the kind of its defect, whose name is in `names`; a mask [N, 1, H, W] is
    true where the defect is.
    """
    columns: dict[str, Column] = {"image": kept, "defect": defect.astype(np.int64)}
    columns |= {} if mask is None else {"mask": mask}
    mark = fingerprint(trained, kept, defect, names, mask)
    fields = held_fields(names, None if mask is None else mask.shape[-2:])
    return Source(name, spec, Split({"image": trained}), Split(columns, fields=fields), mark)


def held_fields(names: tuple[str, ...], sides: tuple[int, ...] | None) -> dict[str, Field]:
    """What is known of held-out images: the kinds of defects, 0 for normal, and where they are."""
    masks = {"mask": Field("mask", (1, *sides), title="defect mask")} if sides else {}
    return {"defect": Field("class", (), names), **masks}


def detectors(train: Split, key: str = "image") -> dict[str, Detector]:
    """Simple detectors by name, which were shown normal images: what a game has to beat."""
    there = len(train.columns[key])
    numbers = train.batch({key: np.zeros(1, np.int64)})[key].numel()
    count = max(2, min(there, MOST, NUMBERS // numbers))
    normal = train.batch({key: np.linspace(0, there - 1, count).round().astype(np.int64)})[key]
    return {f"PCA-{COMPONENTS}": Principal(normal), "mean image": Mean(normal), "1-NN": Nearest(normal)}
