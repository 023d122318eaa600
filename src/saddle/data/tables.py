"""What a CSV or JSONL file says of the images in a folder, line by line. Free of torch: a mistake shows at once."""

import csv
import json
import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.errors import UsageError, near, some
from ..base.files import regular
from ..spec import Condition

FILE = ("file", "image", "filename", "file_name", "path")  # columns that name the image, whatever their case
ELSE = (
    *("file_path", "image_id", "image_name", "image_path", "image_file", "image_filename", "img", "img_id", "img_name"),
    *("img_path", "id_code", "id"),
)  # if there is none of these, one of those
SELDOM = 2  # samples of a class: with fewer, little is learned of it
CELEBA = (
    "CelebA's own lists begin with a count, and have spaces between cells; make a CSV file of one: "
    "sed -E '1d; 2s/^/file /; s/[ \\r]+$//; s/ +/,/g' list_attr_celeba.txt > attributes.csv"
)
CLASS = ("class", "label", "category")  # a single column of this name holds classes, though they be numbers
PATHS = "; names are paths below it, such as {}"

Line = tuple[int, dict[str, str]]  # its number, and its cells by column


@dataclass(frozen=True)
class Labels:
    """The labels of images, by name. An image that is not named, or has an empty cell, has none."""

    condition: Condition
    labels: dict[str, int | tuple[float, ...]]

    def of(self, names: Iterable[str]) -> NDArray[np.int64] | NDArray[np.float32]:
        """Of these images, in order: classes int64 [N], -1 where unknown, or columns float32 [N, K], NaN likewise."""
        if self.condition.kind == "class":
            return np.array([self.labels.get(name, -1) for name in names], np.int64)
        unknown = (math.nan,) * len(self.condition.names)
        return np.array([self.labels.get(name, unknown) for name in names], np.float32)


def by_folder(paths: list[str]) -> Labels:
    """The names of the first sub-folders as classes, in order."""
    loose = [path for path in paths if "/" not in path]
    if loose:
        raise UsageError(
            f"data.labels takes the sub-folder's name as the label, but {len(loose):,} images lie in none "
            f"(such as {loose[0]}); move them into sub-folders, or leave data.labels out"
        )
    classes = {path: path.partition("/")[0] for path in paths}
    order = {name: i for i, name in enumerate(sorted(set(classes.values())))}
    return Labels(Condition("class", tuple(order)), {path: order[name] for path, name in classes.items()})


def read_labels(file: str, root: Path, names: Iterable[str]) -> Labels:
    """The labels in a file, a path as it is or below `root`, of the images there are, by their names below `root`.

    One column of text, or one that is called label or class, holds classes; columns of 0 and 1, or of -1 and 1, are
    several labels; other numbers are numbers. UsageError, with the line, for a name that is not there and a cell that
    fits nothing.
    """
    path = located(file, root)
    lines = records(path)
    key, columns = file_column(path, lines)
    if not columns:
        raise UsageError(f"{path} has no column but {key}; a label is a second one")
    image_names = by_name(names)
    rows: dict[str, tuple[int, list[str]]] = {}
    for number, cells in lines:
        name = image_named(cells[key], image_names, f"{path}, line {number}")
        if name in rows:
            raise UsageError(f"{path}, line {number}: {name} has a line already, {rows[name][0]}; keep one of them")
        rows[name] = number, [cells[column] for column in columns]
    full = {name: row for name, row in rows.items() if all(row[1])}
    if not full:
        raise UsageError(f"{path} gives no image a label: every line has an empty cell")
    return _classes(full) if _are_classes(columns, full) else _numbers(path, columns, full)


def located(file: str, root: Path) -> Path:
    """The file, as it is named or in the folder of the images."""
    places = [Path(file).expanduser(), root / file]
    if path := next((file for file in places if file.is_file()), None):
        return path
    raise UsageError(f"there is no file {file}, here or in {root}")


def records(path: Path) -> list[Line]:
    """The lines of a CSV file with a heading or of a JSONL file, cells as text; all have the same columns."""
    text = _text(path)
    readers = {".csv": _csv_lines, ".jsonl": _json_lines}
    if path.suffix.lower() not in readers:
        raise UsageError(f"{path}: what is said of images stands in a .csv or a .jsonl file. {CELEBA}")
    lines = readers[path.suffix.lower()](path, text)
    if not lines:
        raise UsageError(f"{path} has no lines of images")
    columns = list(dict.fromkeys(column for _, cells in lines for column in cells))
    return [(number, {column: cells.get(column, "").strip() for column in columns}) for number, cells in lines]


def values(path: Path) -> list[tuple[int, dict[str, Any]]]:
    """The lines of a JSONL file that `records` took, with their numbers and with cells as JSON has them."""
    return [(number, json.loads(line)) for number, line in enumerate(_lines(_text(path)), 1) if line.strip()]


def _text(path: Path) -> str:
    try:
        with TextIOWrapper(regular(path), "utf-8-sig") as file:
            return file.read()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text: byte {error.start} is no part of it") from None


def file_column(path: Path, lines: list[Line]) -> tuple[str, list[str]]:
    """The column that names the image, and the others."""
    columns = list(lines[0][1])
    keys = [column for column in columns if column.lower() in FILE]
    keys = keys or [column for column in columns if column.lower().replace(" ", "_").replace("-", "_") in ELSE]
    if len(keys) != 1:
        found_ = f"{len(keys)} columns that may name the image ({some(keys)})" if keys else "no column with the images"
        raise UsageError(f"{path} has {found_}; its columns are {some(columns)}, and one must be called file")
    return keys[0], [column for column in columns if column != keys[0]]


def by_name(names: Iterable[str]) -> dict[str, str]:
    """What images may be called, and their names: paths below the folder, or shorter where only one is called so.

    Shorter is without the suffix, without the sub-folder, or without both.
    """
    whole = list(names)
    called = {name: name for name in whole}
    for shorter in (stem, _base, _base_stem):
        often = Counter(map(shorter, whole))
        called = {shorter(name): name for name in whole if often[shorter(name)] == 1} | called
    return called


def stem(name: str) -> str:
    """A path without the suffix of its file."""
    return str(PurePosixPath(name).with_suffix(""))


def _base(name: str) -> str:
    return PurePosixPath(name).name


def _base_stem(name: str) -> str:
    return PurePosixPath(name).stem


def image_named(given: str, image_names: dict[str, str], where: str) -> str:
    """The name of an image as the folder has it; UsageError where there is none."""
    name = str(PurePosixPath(given.replace("\\", "/")))
    if name not in image_names:
        possible = dict.fromkeys(image_names.values())
        alike = [image for image in possible if name in (_base(image), _base_stem(image), stem(image))]
        if alike:
            raise UsageError(
                f"{where}: '{given}' may be {some(alike, 3)}; names are paths below the folder: write {alike[0]}"
            )
        below = "" if "/" in name or not all("/" in image for image in possible) else PATHS.format(next(iter(possible)))
        raise UsageError(f"{where}: there is no image '{given}'{near(name, possible)} in the folder{below}")
    return image_names[name]


def _csv_lines(path: Path, text: str) -> list[Line]:
    lines = _lines(text)
    if lines[0].strip().isdecimal():
        raise UsageError(f"{path} begins with a number where the names of its columns should be. {CELEBA}")
    try:
        reader = csv.reader(lines, delimiter=_between(lines[0]), strict=True)
        heading = next(reader, [])
        rows = [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise UsageError(f"{path} is not a CSV file that can be read: {error}") from None
    heading = [column.strip() for column in heading]
    if len(set(heading)) < len(heading):
        raise UsageError(f"{path} has two columns of the same name: {some(heading)}")
    for number, row in rows:
        if len(row) != len(heading):
            raise UsageError(
                f"{path}, line {number}: {len(row)} cells under a heading of {len(heading)} ({some(heading)})"
            )
    return [(number, dict(zip(heading, row, strict=True))) for number, row in rows]


def _between(heading: str) -> str:
    """What stands between the cells: a comma, or else a tab or a semicolon, as spreadsheets in some languages write."""
    return next((mark for mark in ",\t;" if mark in heading), ",")


def _json_lines(path: Path, text: str) -> list[Line]:
    return [(number, _json_cells(path, number, line)) for number, line in enumerate(_lines(text), 1) if line.strip()]


def _lines(text: str) -> list[str]:
    """Of a file; `splitlines` would end one at U+2028 too, and at others that may stand in a name."""
    return re.split("\r\n|\r|\n", text)


def _json_cells(path: Path, number: int, line: str) -> dict[str, str]:
    try:
        cells = json.loads(line)
    except (ValueError, RecursionError):
        raise UsageError(f"{path}, line {number}: not JSON that can be read") from None
    if not isinstance(cells, dict) or any(isinstance(value, dict | list) for value in cells.values()):
        raise UsageError(f'{path}, line {number}: a line is an object of plain values, such as {{"file": "a.png"}}')
    plain = {None: "", True: "1", False: "0"}
    return {
        key: plain[value] if value is None or isinstance(value, bool) else str(value) for key, value in cells.items()
    }


def _are_classes(columns: list[str], rows: dict[str, tuple[int, list[str]]]) -> bool:
    if len(columns) > 1:
        return False
    return columns[0].lower() in CLASS or not any(_number(cells[0]) is not None for _, cells in rows.values())


def _classes(rows: dict[str, tuple[int, list[str]]]) -> Labels:
    names = {cells[0] for _, cells in rows.values()}
    numbers = all(name.isdecimal() for name in names)
    order = sorted(names, key=lambda name: (int(name) if numbers else 0, name))  # of 1 and 01 too there is one order
    places = {name: i for i, name in enumerate(order)}
    return Labels(Condition("class", tuple(order)), {image: places[cells[0]] for image, (_, cells) in rows.items()})


def _numbers(path: Path, columns: list[str], rows: dict[str, tuple[int, list[str]]]) -> Labels:
    read: dict[str, tuple[float, ...]] = {}
    for image, (line, cells) in rows.items():
        values = [_number(cell) for cell in cells]
        if None in values:
            column = columns[values.index(None)]
            raise UsageError(
                f"{path}, line {line}: '{cells[values.index(None)]}' in the column {column} is neither empty nor a "
                "number; classes stand in one column alone, and several columns hold 0 and 1, or numbers"
            )
        read[image] = tuple(value for value in values if value is not None)
    found = {value for row in read.values() for value in row}
    if found == {-1.0, 1.0}:  # as CelebA has them
        read = {image: tuple(float(value > 0) for value in row) for image, row in read.items()}
    switches = found <= {0.0, 1.0} or found == {-1.0, 1.0}
    return Labels(Condition("labels" if switches else "numbers", tuple(columns)), {**read})


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
