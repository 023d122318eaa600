"""What is known of the samples to train on: their distribution, and of how many there is a label."""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from ..base.errors import UsageError, some
from ..spec import Condition, DataSpec, conditions
from .sampler import hashed
from .tables import SELDOM

UNKNOWN = -1  # the class of a sample of which it is not known; columns are NaN


def learned(spec: DataSpec, labels: np.ndarray, rows: NDArray[np.int64], each: int) -> tuple[DataSpec, np.ndarray]:
    """Labels int64 [N] or float [N, K] of which `rows` are trained on, and the spec with their distribution.

    Of those rows all but `each` labels of every class are forgotten; 0 forgets none.
    """
    condition = spec.condition
    assert condition is not None
    if each and condition.kind != "class":
        raise UsageError(f"data.labelled counts the labels of classes; these data have {condition}: leave it out")
    kept = few(labels[rows], each)
    unknown = ~are_known(kept)
    columns = kept.T if kept.ndim == 2 else ()
    never = [name for name, column in zip(condition.names, columns, strict=False) if np.isnan(column).all()]
    if unknown.all() and 0 < len(never) < len(condition.names):
        raise UsageError(f"no sample that is trained on has all labels, and none says {some(never)}; label some more")
    if unknown.all() and (kept.ndim == 1 or never):
        raise UsageError("no sample that is trained on has a label; label some more, or hold out fewer (data.heldout)")
    labels = labels.copy()
    labels[rows] = kept
    return replace(
        spec, partial=bool(unknown.any()), distribution=conditions.distribution(condition, torch.from_numpy(kept))
    ), labels


def few(labels: NDArray[np.int64], each: int) -> NDArray[np.int64]:
    """The labels [N], all but `each` of every class forgotten (-1); always the same ones. All of them for 0.

    UsageError for a class that has fewer.
    """
    if not each:
        return labels
    counts = np.bincount(labels[labels >= 0])
    fewest = counts[counts > 0].min(initial=len(labels))
    if fewest < each:
        raise UsageError(
            f"data.labelled is {each}, but a class has only {fewest} labelled samples to train on; ask for at most so "
            "many, or for 0, which keeps all labels"
        )
    order = np.argsort(hashed(np.arange(len(labels), dtype=np.uint64)), kind="stable")  # neighbours are much alike
    kept = np.concatenate([order[labels[order] == label][:each] for label in np.flatnonzero(counts)])
    remembered = np.full_like(labels, UNKNOWN)
    remembered[kept] = labels[kept]
    return remembered


def remarks(condition: Condition, trained: np.ndarray) -> dict[str, str]:
    """For the notes: the classes that training hardly sees, and which number each has where that is not its name."""
    if condition.kind != "class":
        return {}
    names = condition.names
    counts = np.bincount(trained[trained >= 0], minlength=len(names))
    seldom = [f"{name} ({count})" for name, count in zip(names, counts.tolist(), strict=True) if count < SELDOM]
    notes = {"classes hardly trained on": some(seldom)} if seldom else {}
    if all(name.isdecimal() for name in names) and [*names] != sorted(names, key=int):
        notes["order of classes"] = f"{some(names)}; --label takes their names"
    return notes


def are_known(labels: np.ndarray) -> NDArray[np.bool_]:
    """Of which samples [N] are the labels, int64 [N] or float [N, K], known?"""
    return labels != UNKNOWN if labels.ndim == 1 else ~np.isnan(labels).any(1)


def epoch(has_label: NDArray[np.bool_], share: float) -> NDArray[np.int64]:
    """The places that make up an epoch: all, and the `known` [N] so often that they are this share of them, or more."""
    labelled = np.flatnonzero(has_label)
    times = max(round(share / (1 - share) * (len(has_label) - len(labelled)) / max(len(labelled), 1)), 1)
    return np.concatenate([np.arange(len(has_label)), np.repeat(labelled, times - 1)])
