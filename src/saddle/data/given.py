"""Data that a program gives as they are: an array, a tensor, a torch Dataset, a dataset of Hugging Face's, a `Source`.

They are kept until the process ends. What a run remembers of them is a mark of their contents, by which it knows them
again; the fingerprint of a source tells other data apart in any case.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..base import telling
from ..base.errors import UsageError, some
from ..base.memory import check_fits
from . import list_sources, source_at
from .arrays import KEYS, LABELS
from .fingerprint import fingerprint
from .source import Source

MARK = 12  # characters
NAMES_OF_IMAGES, NAMES_OF_LABELS = (*KEYS, "img", "pixel_values"), (*LABELS, "class", "y")  # in items by name
ASKED_TWICE = 4  # items of a dataset, to see whether it gives the same ones again


@dataclass(frozen=True)
class Given:
    samples: np.ndarray  # [N, …]
    labels: np.ndarray | None = None  # int64 [N]
    names: tuple[str, ...] = ()  # of the classes; () for their numbers


_given: dict[str, Given | Source] = {}  # by mark


def named(data: Any) -> str | None:
    """The name by which the data engine opens what was given as `data`; None for None.

    A name of a source stays what it is; the path of a folder, or of an array in a file, is that. Everything else is
    kept here under a name of its own. UsageError for what is no data.
    """
    if data is None:
        return None
    if isinstance(data, str):
        is_name = data.partition(":")[0] in {offer.partition(":")[0] for offer in list_sources()}
        return data if is_name or not Path(data).expanduser().is_dir() else source_at(Path(data).expanduser())
    if isinstance(data, os.PathLike):
        return source_at(Path(data).expanduser())
    held = data if isinstance(data, Source) else read(data)
    mark = (held.fingerprint if isinstance(held, Source) else fingerprint(held.samples, held.labels, held.names))[:MARK]
    _given[mark] = held
    return f"in-memory:{mark}"


def recalled(mark: str) -> Given | Source:
    """What was given under this mark. UsageError if nothing was, in this process."""
    if mark not in _given:
        raise UsageError(
            f"these data (in-memory:{mark}) were given by a Python program, and no command can open them; give them "
            "again there: saddle.train(run=FOLDER, data=…) goes on, and saddle.load(FOLDER, data=…) opens the run"
        )
    return _given[mark]


def read(data: Any) -> Given:
    """Samples, and labels where there are some, of an array or a tensor [N, …], of two of them or a dictionary of them
    by name, or of all items of a dataset. UsageError for what is none of these.
    """
    if isinstance(data, np.ndarray | torch.Tensor):
        return Given(_array(data))
    if isinstance(data, Mapping) or (isinstance(data, tuple) and len(data) == 2):
        samples, labels = _parts(data, "data=")
        return Given(_array(samples), None if labels is None else _array(labels))
    if not (hasattr(data, "__len__") and hasattr(data, "__getitem__")):
        raise UsageError(
            f"data= takes the name of a source, a folder, an array [N, …], a tensor, a pair of samples and labels, a "
            f"Dataset with a length, or a saddle.data.Source, not {type(data).__name__}; an IterableDataset has no "
            "length: make it a list first"
        )
    return _all(data)


def stacked(items: Any, n: int, what: str) -> Given:
    """All items of a dataset: images, or (image, label), or both by name.

    UsageError that names the first that differs.
    """
    image, label = _parts(items(0), f"{what}, item 0,")
    first = _array(image)
    check_fits(n * first.nbytes, f"the {n:,} samples of {what}")
    samples, labels = np.empty((n, *first.shape), first.dtype), np.zeros(n, np.int64)
    for i in range(n):
        telling.now(f"reading {what}", i, n)
        image, own = _parts(items(i), f"{what}, item {i},")
        found = _array(image)
        if (found.shape, found.dtype) != (first.shape, first.dtype):
            raise UsageError(
                f"{what}: item {i} is {found.dtype} {[*found.shape]}, and item 0 is {first.dtype} {[*first.shape]}; "
                "samples are all alike: resize them before, or put them as files into a folder, of which data.size "
                "makes images of one size"
            )
        if (own is None) != (label is None):
            raise UsageError(f"{what}: only one of item 0 and item {i} has a label; give it to all of them or to none")
        samples[i] = found
        labels[i] = 0 if own is None else _whole(own, f"{what}, item {i},")
    telling.now(f"reading {what}", n, n)
    return Given(samples, None if label is None else labels)


def _all(dataset: Any) -> Given:
    what = f"the {type(dataset).__name__}"
    n = len(dataset)
    if n == 0:
        raise UsageError(f"{what} is empty; to train takes many samples")
    given = stacked(dataset.__getitem__, n, what)
    for i in range(min(n, ASKED_TWICE)):
        if not np.array_equal(_array(_parts(dataset[i], what)[0]), given.samples[i], equal_nan=True):
            raise UsageError(
                f"{what} gives another item {i} each time it is asked, so a run could never go on with the same data; "
                "leave its random transforms out: data.flip, data.rotate, data.scale and data.shift change images at "
                "random, in the same way in every run"
            )
    return Given(given.samples, given.labels, _classes(dataset) if given.labels is not None else ())


def _classes(dataset: Any) -> tuple[str, ...]:
    """What a dataset calls its classes, as those of torchvision and of Hugging Face do; () where it does not say."""
    features = getattr(dataset, "features", None)
    of_labels = [features[name] for name in NAMES_OF_LABELS if name in features] if isinstance(features, dict) else []
    names = getattr(of_labels[0], "names", None) if of_labels else getattr(dataset, "classes", None)
    known = isinstance(names, list | tuple) and names and all(isinstance(name, str) for name in names)
    return tuple(names) if known and names is not None else ()


def _parts(item: Any, what: str) -> tuple[Any, Any]:
    """The sample and the label, or None, of an item."""
    if isinstance(item, Mapping):
        image, label = (
            next((item[n] for n in names if n in item), None) for names in (NAMES_OF_IMAGES, NAMES_OF_LABELS)
        )
        if image is None:
            raise UsageError(
                f"{what} holds {some(item) or 'nothing'}; the sample's key must be one of {some(NAMES_OF_IMAGES)}"
            )
        return image, label
    if isinstance(item, tuple | list):
        if len(item) not in (1, 2):
            raise UsageError(f"{what} has {len(item)} parts; it is a sample, or a sample and its label")
        return item[0], item[1] if len(item) == 2 else None
    return item, None


def _array(value: Any) -> np.ndarray:
    """Numbers as an array. UsageError for anything else."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        value = value.float() if value.dtype in (torch.bfloat16, torch.float16) else value
        return np.ascontiguousarray(value.numpy())
    if getattr(value, "mode", None) in ("P", "1", "CMYK", "PA", "YCbCr"):  # a picture whose numbers are no brightness
        value = value.convert("L" if value.mode == "1" else "RGB")
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise UsageError(f"data= holds {type(value).__name__}, and samples are numbers: arrays, tensors or pictures")
    return np.ascontiguousarray(array.astype(np.uint8) * 255 if array.dtype.kind == "b" else array)


def _whole(label: Any, what: str) -> int:
    value = label.item() if hasattr(label, "item") and getattr(label, "ndim", 0) == 0 else label
    if isinstance(value, bool) or not isinstance(value, int):
        raise UsageError(f"{what} has the label {str(label)[:40]}; labels are whole numbers from 0 on")
    return value
