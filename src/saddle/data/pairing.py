"""What belongs together: sides that fit, one scale for all pairs; what must not be in two places."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from .decode import Header

Row = Mapping[str, tuple[str, Header]]  # the name and the header of a row's image, by key


def scale_of(rows: Sequence[Row]) -> tuple[dict[str, int], dict[int, str]]:
    """How many times as large as the smallest image of its row that of each key is, and the rows of another scale.

    The scale is that of most rows. The others are given by their places, with the reason.
    """
    ratios = [_ratios(row) for row in rows]
    most = Counter(filter(None, ratios)).most_common(1)
    if not most:
        return dict.fromkeys(rows[0], 1), {i: _unlike(row) for i, row in enumerate(rows)}
    scale = dict(zip(rows[0], most[0][0], strict=True))
    wrong = {
        i: _unlike(row, max(scale.values())) if ratio is None else f"{_sizes(row)}: others are {_times(scale)}"
        for i, (row, ratio) in enumerate(zip(rows, ratios, strict=True))
        if ratio != most[0][0]
    }
    return scale, wrong


def twins(marks: Mapping[str, NDArray[np.uint8]]) -> list[tuple[tuple[str, int], tuple[str, int]]]:
    """Equal images of two keys, by their digests [N, 32]: the key and the row of the one and of the other."""
    first: dict[bytes, tuple[str, int]] = {}
    found = []
    for key, digests in marks.items():
        for row, mark in enumerate(map(bytes, digests)):
            place = first.setdefault(mark, (key, row))
            if place[0] != key:
                found.append((place, (key, row)))
    return found


def _ratios(row: Row) -> tuple[int, ...] | None:
    """Of each key how many times as large as the smallest; None if these are no whole numbers, or not of both sides."""
    sides = [(head.height, head.width) for _, head in row.values()]
    high, wide = min(sides)
    if any(height % high or height * wide != width * high for height, width in sides):
        return None
    return tuple(height // high for height, _ in sides)


def _sizes(row: Row) -> str:
    return ", ".join(f"{name} {head.width}×{head.height}" for name, head in row.values())


def _unlike(row: Row, others: int = 1) -> str:
    """The sizes of a row, and of the largest how many times as large as the smallest it is, as others are."""
    (small, low), *_, (large, high) = sorted(row.values(), key=lambda each: each[1].height * each[1].width)
    if others > 1:
        wide, tall = low.width / high.width, low.height / high.height
        share = f"{wide:.4g} of" if wide == tall else f"{wide:.4g} as wide and {tall:.4g} as high as"
        return (
            f"{small} is {low.width}×{low.height}, which is {share} {large}, {high.width}×{high.height}, not "
            f"1/{others}; that would be of {low.width * others}×{low.height * others}"
        )
    times = f"{high.width / low.width:.4g} times as wide and {high.height / low.height:.4g} times as high"
    return f"{_sizes(row)}: {times}; sides must be equal, or whole multiples"


def _times(scale: Mapping[str, int]) -> str:
    """'of one size', or 'b ×4'."""
    larger = [f"{key} ×{ratio}" for key, ratio in scale.items() if ratio > 1]
    return ", ".join(larger) or "of one size"
