"""What is known of the samples to train on: their law, and how many of them are told."""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from .. import conditions
from ..errors import UsageError
from ..spec import DataSpec
from .sampler import hashed

UNKNOWN = -1  # the class of a sample of which it is not known; columns are NaN


def labelled(spec: DataSpec, label: np.ndarray) -> DataSpec:
    """The spec with the law of the labels to train on, int64 [N] or float [N, K], and whether some are unknown."""
    assert spec.condition is not None
    unknown = label == UNKNOWN if spec.condition.kind == "class" else np.isnan(label)
    return replace(spec, partial=bool(unknown.any()), law=conditions.law(spec.condition, torch.from_numpy(label)))


def few(labels: NDArray[np.int64], each: int) -> NDArray[np.int64]:
    """The labels [N], all but `each` of every class forgotten (-1); always the same ones. All of them for 0.

    UsageError for a class that has fewer.
    """
    if not each:
        return labels
    counts = np.bincount(labels[labels >= 0])
    if counts[counts > 0].min() < each:
        raise UsageError(
            f"data.labelled is {each}, but a class has only {counts[counts > 0].min()} samples to train on; "
            "ask for at most so many, or for 0, which keeps all labels"
        )
    order = np.argsort(hashed(np.arange(len(labels), dtype=np.uint64)), kind="stable")  # neighbours are much alike
    kept = np.concatenate([order[labels[order] == label][:each] for label in np.flatnonzero(counts)])
    told = np.full_like(labels, UNKNOWN)
    told[kept] = labels[kept]
    return told
