"""Two domains of digits whose classes are known in training too, where data.labels asks for them: label_a, label_b.

Without it a batch holds images alone, and the classes serve the scores.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..base.errors import UsageError
from ..spec import DataSpec, Field
from .digits import NAMES
from .options import DataOptions
from .source import Split


def spec_of(options: DataOptions, images: DataSpec) -> DataSpec:
    """The spec of the images, with the classes of each domain if they are asked for. UsageError for labels of files."""
    if isinstance(options.labels, str):
        raise UsageError(
            f"{options.source} knows its labels and reads none: --data.labels true uses them in training, as label_a "
            f"and label_b; data.labels is {options.labels!r}"
        )
    if not options.labels:
        return images
    fields = {name: each for key in images.fields for name, each in _with_label(key, images.fields[key]).items()}
    return replace(images, fields=fields, domains=tuple((key, f"label_{key}") for key in images.fields))


def split_of(spec: DataSpec, images: Mapping[str, NDArray[np.uint8]], labels: Mapping[str, NDArray[np.int64]]) -> Split:
    """What is trained on: the images by key, and the classes of each. A batch holds them where the spec has them."""
    columns: dict[str, np.ndarray] = {**images, **{f"label_{key}": known for key, known in labels.items()}}
    return Split(columns, domains=tuple((key, f"label_{key}") for key in images))


def marks(spec: DataSpec, labels: Mapping[str, NDArray[np.int64]]) -> list[NDArray[np.int64]]:
    """What a fingerprint says of the classes: nothing where they are not used."""
    return [labels[key] for key in labels if f"label_{key}" in spec.fields]


def _with_label(key: str, images: Field) -> dict[str, Field]:
    return {key: images, f"label_{key}": Field("class", (), NAMES)}
