"""Arrays of points and signals: what an array holds, and the units that it is trained in."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..base.errors import UsageError
from ..spec import Field, Kind

FEWEST_LINES = 4  # of an image: no network draws a lower one, so floats of fewer lines are a signal's channels
_ROWS = 4096  # read at a time


def kind_of(array: np.ndarray, asked: Kind | None) -> Kind:
    """What an array holds: what was asked for, else points for [N, D], a signal for floats [N, C, T] with C below 4.

    Everything else holds images, or must be declared.
    """
    if asked:
        return asked
    if array.ndim == 2:
        return "points"
    return "signal" if array.ndim == 3 and array.dtype.kind == "f" and array.shape[1] < FEWEST_LINES else "image"


def as_kind(path: Path | str, array: np.ndarray, kind: Kind) -> tuple[np.ndarray, Field]:
    """Points [N, D] or signals [N, C, T], of any type of number, and their field, as yet in the data's own units."""
    if array.dtype.kind not in "fiu":
        raise UsageError(f"{path} holds {array.dtype}; points and signals are numbers: floats or whole ones")
    if kind == "signal" and array.ndim == 2:
        array = array[:, None]  # one channel
    wanted = {"points": (2, "points are [N, D]"), "signal": (3, "signals are [N, C, T], or [N, T] of one channel")}
    dimensions, words = wanted[kind]
    if array.ndim != dimensions or 0 in array.shape:
        raise UsageError(
            f"{path} has the shape {array.shape}; {words}, each at least 1; give it another shape, or another "
            "--data.kind: image, points or signal"
        )
    return array, Field(kind, array.shape[1:])


def check_finite(path: Path | str, array: np.ndarray) -> None:
    """UsageError that names the rows with NaN or an infinite number."""
    rows: list[int] = []
    for start, part in _parts(array, np.arange(len(array))):
        rows += (start + np.flatnonzero(~np.isfinite(part).reshape(len(part), -1).all(1))).tolist()
    if rows:
        shown = ", ".join(map(str, rows[:10])) + (f", and {len(rows) - 10:,} more" if len(rows) > 10 else "")
        raise UsageError(
            f"{path} has NaN or infinite numbers in {len(rows):,} of {len(array):,} rows, counted from 0: {shown}; "
            "leave these rows out, or fill them in"
        )


def normalisation(field: Field, array: np.ndarray, rows: NDArray[np.int64]) -> Field:
    """The field with the mean and the deviation of these rows: of every column of points, every channel of signals.

    A column whose numbers are all the same keeps the scale 1.
    """
    channels = array.shape[1]
    count = len(rows) * (array[0].size // channels)
    total, low, high = np.zeros(channels), np.full(channels, np.inf), np.full(channels, -np.inf)
    square = np.zeros(channels)
    with np.errstate(over="ignore", invalid="ignore"):  # which is refused below
        for _, part in _parts(array, rows):
            total += part.sum((0, 2))
            low, high = np.minimum(low, part.min((0, 2))), np.maximum(high, part.max((0, 2)))
        mean = np.where(low == high, low, total / count)
        for _, part in _parts(array, rows):
            square += ((part - mean[:, None]) ** 2).sum((0, 2))
    scale = np.sqrt(square / count)
    if not (np.isfinite(mean).all() and np.isfinite(scale).all()):
        raise UsageError("the numbers are too large for a mean and a deviation; give them in a larger unit")
    scale[(low == high) | (scale == 0)] = 1
    return replace(field, offset=tuple(mean.tolist()), scale=tuple(scale.tolist()))


def _parts(array: np.ndarray, rows: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Some rows at a time, [n, channels, …] as [n, channels, T], and the place of the first among them."""
    for start in range(0, len(rows), _ROWS):
        part = np.asarray(array[rows[start : start + _ROWS]], np.float64)
        yield start, part.reshape(len(part), part.shape[1], -1)
