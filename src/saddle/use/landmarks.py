"""Points that a game looks at beside an image: read from a table, checked, and brought to the size of the game."""

import csv
import math
from pathlib import Path

import numpy as np

from ..base.errors import SaddleError, UsageError
from ..data.options import Fit

LANDMARKS = "landmarks"  # their key in a batch

Table = dict[str, np.ndarray]  # by the name of a file: [K, 2], x and y in its pixels, from the top left corner


def read(path: Path, count: int) -> Table:
    """A table of lines `file,x1,y1,…`, in pixels of the upright image; a first line of other words is its head.

    UsageError, with the line, for one that does not hold `count` points, and for a file that is named twice.
    """
    try:
        lines = [*csv.reader(path.read_text("utf-8-sig").splitlines())]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} cannot be read as a table of landmarks: {error}") from None
    table: Table = {}
    for number, line in enumerate(lines, 1):
        if not any(cell.strip() for cell in line):
            continue
        name, *cells = (cell.strip() for cell in line)
        if number == 1 and _numbers(cells) is None:
            continue
        points = _checked(cells, f"{path}, line {number}", count)
        if name in table:
            raise UsageError(f"{path}, line {number}: {name} is named twice; keep one of the two lines")
        table[name] = np.array(points).reshape(count, 2)
    if not table:
        raise UsageError(f"{path} holds no landmarks; a line is {_form(count)}")
    return table


def of(table: Table, *names: str) -> np.ndarray | None:
    """The points of a file that may be called by any of these names; None if there are none."""
    return next((table[name] for name in names if name in table), None)


def check(points: np.ndarray, size: tuple[int, int]) -> None:
    """SaddleError, with the point, for one that lies outside of an image of this height and width."""
    height, width = size
    for number, (x, y) in enumerate(points, 1):
        if not (0 <= x < width and 0 <= y < height):
            raise SaddleError(
                f"landmark {number} (x {x:g}, y {y:g}) lies outside of the image, which has {width} columns and "
                f"{height} rows"
            )


def placed(points: np.ndarray, own: tuple[int, int], size: tuple[int, int], fit: Fit) -> np.ndarray:
    """Points [K, 2] of an image where they lie once it is brought to another size; see `data.picture.fitted`.

    SaddleError for one that is cut off.
    """
    check(points, own)
    scales = np.array([size[1] / own[1], size[0] / own[0]])  # of x and of y
    if fit in ("crop", "pad"):
        scales[:] = scales.max() if fit == "crop" else scales.min()
    spare = np.array([size[1], size[0]]) - scales * np.array([own[1], own[0]])
    moved = (points + 0.5) * scales - 0.5 + spare / 2
    for number, (x, y) in enumerate(moved, 1):
        if not (-0.5 <= x < size[1] - 0.5 + 1e-6 and -0.5 <= y < size[0] - 0.5 + 1e-6):
            raise SaddleError(
                f"landmark {number} is cut off where the image is brought to {size[0]}×{size[1]} pixels (height × "
                "width); give a piece of these proportions"
            )
    return moved


def _checked(cells: list[str], where: str, count: int) -> list[float]:
    """As many numbers as points have. UsageError names what is none, and tells how many there are."""
    if wrong := [cell for cell in cells if _numbers([cell]) is None]:
        raise UsageError(f"{where}: '{wrong[0]}' is no number of pixels; a line is {_form(count)}")
    if len(cells) != 2 * count:
        raise UsageError(
            f"{where}: it holds {len(cells)} values behind the name of the file, and {count} points are {2 * count} "
            f"numbers: {_form(count)}"
        )
    return [float(cell) for cell in cells]


def _form(count: int) -> str:
    return f"file,x1,y1,…,x{count},y{count}"


def _numbers(cells: list[str]) -> list[float] | None:
    """None where one is no finite number."""
    try:
        numbers = [float(cell) for cell in cells]
    except ValueError:
        return None
    return numbers if numbers and all(map(math.isfinite, numbers)) else None
