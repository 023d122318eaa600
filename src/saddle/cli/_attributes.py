"""The labels that images show, of which several may be on at once: named, and compared with what is known."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..base.errors import UsageError, near, some
from ._show import json, table

if TYPE_CHECKING:
    from torch import Tensor

MOST = 10  # labels whose probabilities are columns of the table; of more the names alone are printed
Known = Mapping[str, Mapping[str, bool]]  # of an image, whether a label is on
Groups = Sequence[tuple[str, ...]]


def rows(
    names: Sequence[str], probabilities: "Tensor", labels: Sequence[str], groups: Groups, known: Known
) -> list[dict[str, Any]]:
    """What each image shows: of labels that exclude each other the likeliest, of another one if it is likelier on."""
    found = []
    for name, chances in zip(names, probabilities.tolist(), strict=True):
        likely = dict(zip(labels, chances, strict=True))
        row: dict[str, Any] = {"image": name, "labels": _on(likely, groups), "probabilities": likely}
        found.append(row | ({"known": dict(known[name])} if name in known else {}))
    return found


def _on(likely: Mapping[str, float], groups: Groups) -> list[str]:
    alone = {*likely} - {name for group in groups for name in group}
    on = {max(group, key=likely.__getitem__) for group in groups} | {name for name in alone if likely[name] >= 0.5}
    return [name for name in likely if name in on]


def known(file: Path, images_at: Path, images: Sequence[str], labels: Sequence[str]) -> Known:
    """The labels that a file knows of images. UsageError for what is no labels, and for one that the run has not."""
    from ..data.tables import read_labels

    read = read_labels(str(file), images_at if images_at.is_dir() else images_at.parent, images)
    if read.condition.kind != "labels":
        raise UsageError(f"{file} has {read.condition} in each line; to compare with, it must have columns of 0 and 1")
    for name in read.condition.names:
        if name not in labels:
            raise UsageError(f"{file}: no label '{name}'{near(name, labels)}; the run knows {some(labels)}")
    pairs = {
        image: zip(read.condition.names, row, strict=True)
        for image, row in read.labels.items()
        if isinstance(row, tuple)
    }
    return {image: {name: x > 0.5 for name, x in row if not math.isnan(x)} for image, row in pairs.items()}


def tell(found: Sequence[Mapping[str, Any]], labels: Sequence[str], as_json: bool) -> None:
    """What the images show, and of each label in how many of those where it is known it was named rightly."""
    from ..metrics.uncertainty import share_error

    right = {
        name: [(name in row["labels"]) == row["known"][name] for row in found if name in row.get("known", ())]
        for name in labels
    }
    accuracy = {name: sum(each) / len(each) for name, each in right.items() if each}
    if as_json:
        counts = {name: len(right[name]) for name in accuracy}
        json({"labels": labels, "images": found, "accuracy": accuracy or None, "known": counts})
        return
    columns = labels if len(labels) <= MOST else ()
    lines = [
        (row["image"], ", ".join(row["labels"]) or "none", *(f"{row['probabilities'][name]:.3f}" for name in columns))
        for row in found
    ]
    table(["image", "labels", *columns], lines)
    if accuracy:
        print()
        shares = [
            (
                name,
                f"{share:.4g} ± {share_error(share, len(right[name])):.2g}",
                f"{sum(right[name])} of {len(right[name])}",
            )
            for name, share in accuracy.items()
        ]
        table(["label", "accuracy", "right"], shares)
