"""The classes of label maps: their names, colours and numbers, in files that painting programs and people write.

A table is a .json, a .gpl (GIMP, Krita, Inkscape) or a .txt file. Colours that nobody chose are made here.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.errors import UsageError, some
from ..base.plain import Garbled, fits, from_json, text
from ..spec import Field
from ..spec.field import CARE

RGB = tuple[int, int, int]
MOST = 512  # classes: a network sees a plane for each
SUFFIXES = (".json", ".gpl", ".txt")
_LEVELS = np.linspace(0, 255, 9).round()  # of red, green and blue, for colours that are made: 31 or 32 apart
_END = "\r\n|\r|\n"  # of a line; `splitlines` would end one at others too, which may stand in a name
_NUMBER = re.compile(r"[0-9]{1,6}")


@dataclass(frozen=True)
class Table:
    """Classes in order: names, colours, and the number that stands for each in a file of labels."""

    names: tuple[str, ...]
    colours: tuple[RGB, ...]
    values: tuple[int, ...]

    def field(self, height: int, width: int) -> Field:
        """A map of these classes."""
        values = () if self.values == tuple(range(len(self.values))) else self.values
        return Field("map", (height, width), self.names, self.colours, values=values)


def table_of(field: Field) -> Table:
    """The classes of a map."""
    return Table(field.names, field.palette, field.values or tuple(range(len(field.names))))


def numbered(values: Sequence[int], colours: Sequence[RGB] = ()) -> Table:
    """Classes that have nothing but these numbers; colours that are missing, or not unlike each other, are made."""
    return Table(tuple(map(str, values)), unlike(colours, len(values)), tuple(values))


def without_care(table: Table, value: int) -> Table:
    """The table with "don't care" as its last class, for which this number stands in files."""
    kept = [i for i, each in enumerate(table.values) if each != value]
    own = [table.colours[i] for i in range(len(table.values)) if i not in kept]
    names, values = tuple(table.names[i] for i in kept), tuple(table.values[i] for i in kept)
    if CARE in names:
        raise UsageError(f'a class of its own is named "{CARE}"; data.ignore {value} makes one of that name')
    colours = unlike([*(table.colours[i] for i in kept), *own], len(kept) + 1)
    return Table((*names, CARE), colours, (*values, value))


def read_table(path: Path) -> Table:
    """What a .json, .gpl or .txt file says of the classes. UsageError, with the line, for what is no such file."""
    readers = {".json": _of_json, ".gpl": _of_gimp, ".txt": _of_text}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise UsageError(f"data.palette {path}: a palette is a {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]} file")
    try:
        rows = reader(text(path))
    except FileNotFoundError:
        raise UsageError(f"data.palette: there is no file {path}") from None
    except Garbled as error:
        raise UsageError(f"data.palette {path} cannot be read: {error}") from None
    return _checked(path, rows)


def written(table: Table, suffix: str) -> str:
    """The table as the text of a file with this suffix, which `read_table` reads back; a .gpl has no numbers."""
    rows = [*zip(table.values, table.names, table.colours, strict=True)]
    if suffix == ".json":
        return json.dumps([{"id": value, "name": name, "color": colour} for value, name, colour in rows], indent=1)
    if suffix == ".txt":
        return "".join(f"{value} {name} {red} {green} {blue}\n" for value, name, (red, green, blue) in rows)
    lines = [f"{red:3} {green:3} {blue:3}\t{name}\n" for _, name, (red, green, blue) in rows]
    return "".join(["GIMP Palette\n", "Name: label map\n", "Columns: 0\n", "#\n", *lines])


def unlike(given: Sequence[RGB], n: int) -> tuple[RGB, ...]:
    """`n` colours that are easy to tell apart: those given, if they differ enough, and others that are made.

    A made one is, of a grid of 729, the farthest in Lab from all the others; if none is given the first is black.
    UsageError for more than 512.
    """
    if n > MOST:
        raise UsageError(f"{n:,} classes are more than {MOST}, and a network sees a plane for each")
    chosen: list[RGB | None] = [given[i] if i < len(given) and given[i] not in given[:i] else None for i in range(n)]
    grid = np.stack(np.meshgrid(_LEVELS, _LEVELS, _LEVELS, indexing="ij"), -1).reshape(-1, 3)
    lab, nearest = _lab(grid), np.full(len(grid), np.inf)
    for own in filter(None, chosen):
        nearest = np.minimum(nearest, ((lab - _lab(np.array([own], np.float64))) ** 2).sum(1))
    for i, colour in enumerate(chosen):
        if colour is None:
            best = int(nearest.argmax())
            chosen[i] = tuple(int(level) for level in grid[best])  # type: ignore[assignment]
            nearest = np.minimum(nearest, ((lab - lab[best]) ** 2).sum(1))
    return tuple(colour for colour in chosen if colour is not None)


def hexed(colour: RGB) -> str:
    """#rrggbb."""
    red, green, blue = colour
    return f"#{red:02x}{green:02x}{blue:02x}"


def _lab(colours: NDArray[np.float64]) -> NDArray[np.float64]:
    """CIELAB of sRGB colours [N, 3] in 0 … 255, D65: distances there are those that eyes see."""
    unit = colours / 255
    linear = np.where(unit <= 0.04045, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4)
    matrix = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]]
    )
    xyz = linear @ matrix.T / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)


Row = tuple[str, Any, Any]  # a name, a colour, and a number or None


def _of_json(given: str) -> list[Row]:
    value = from_json(given)
    if isinstance(value, dict):
        return [(name, colour, None) for name, colour in value.items()]
    said = 'it is an object such as {"sky": [70, 130, 180]}, or a list of {"name": "sky", "color": [70, 130, 180]}'
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise Garbled(said)
    rows = []
    for number, each in enumerate(value, 1):
        colour = each.get("color", each.get("colour"))
        if not isinstance(each.get("name"), str) or colour is None:
            raise Garbled(f"entry {number} has no name, or no color; {said}")
        rows.append((each["name"], colour, each.get("id")))
    return rows


def _of_gimp(given: str) -> list[Row]:
    lines = re.split(_END, given)
    if not lines or lines[0].strip() != "GIMP Palette":
        raise Garbled("a .gpl file begins with the line GIMP Palette")
    rows: list[Row] = []
    for number, line in enumerate(lines[1:], 2):
        if not line.strip() or line.lstrip().startswith("#") or re.match(r"(Name|Columns|Channels):", line):
            continue
        words = line.split(None, 3)
        if len(words) < 3 or not all(map(_NUMBER.fullmatch, words[:3])):
            raise Garbled(f"line {number} is not red, green, blue and a name: {line.strip()[:60]}")
        name = words[3].strip() if len(words) == 4 else ""
        rows.append((name if name not in ("", "Untitled") else str(len(rows)), tuple(map(int, words[:3])), None))
    return rows


def _of_text(given: str) -> list[Row]:
    rows: list[Row] = []
    for number, line in enumerate(re.split(_END, given), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        ends = [bool(_NUMBER.fullmatch(word)) for word in words]
        if len(words) >= 4 and all(ends[-3:]):
            own = ends[0] and len(words) >= 5
            name, colour = " ".join(words[own:-3]), words[-3:]
            rows.append((name, tuple(map(int, colour)), int(words[0]) if own else None))
        elif len(words) >= 4 and all(ends[:3]):  # as CamVid's label_colors.txt
            rows.append((" ".join(words[3:]), tuple(map(int, words[:3])), None))
        else:
            raise Garbled(
                f"line {number} is not 'name red green blue' or 'id name red green blue': {line.strip()[:60]}"
            )
    return rows


def _checked(path: Path, rows: list[Row]) -> Table:
    """UsageError for colours that are none, and for names, colours and numbers that stand twice."""

    def refuse(what: str) -> UsageError:
        return UsageError(f"data.palette {path}: {what}")

    if not 1 <= len(rows) <= MOST:
        raise refuse(f"it has {len(rows):,} classes; there are 1 to {MOST}, for a network sees a plane for each")
    colours = [_colour(colour) for _, colour, _ in rows]
    if None in colours:
        name, given, _ = rows[colours.index(None)]
        raise refuse(f"the colour of {name!r} is {given!r}; it is red, green and blue, 0 to 255 each")
    ids = [value for _, _, value in rows]
    if any(value is not None for value in ids) and not all(fits(value, int) and 0 <= value < 1 << 16 for value in ids):
        raise refuse("an id is a whole number from 0 to 65,535, and either every class has one or none")
    values = list(range(len(rows))) if None in ids else ids
    for what, each in (("name", [name for name, _, _ in rows]), ("colour", colours), ("id", values)):
        if twice := [item for i, item in enumerate(each) if item in each[:i]]:
            places = [str(i + 1) for i, item in enumerate(each) if item == twice[0]]
            raise refuse(f"classes {some(places)} have the same {what}, {twice[0]}; each has one of its own")
    if any(not name.strip() for name, _, _ in rows):
        raise refuse("a class has no name")
    return Table(tuple(name for name, _, _ in rows), tuple(colours), tuple(values))  # type: ignore[arg-type]


def _colour(given: Any) -> RGB | None:
    if isinstance(given, str) and re.fullmatch(r"#[0-9a-fA-F]{6}", given):
        return int(given[1:3], 16), int(given[3:5], 16), int(given[5:7], 16)
    right = fits(given, tuple[int, int, int]) and all(0 <= part <= 255 for part in given)
    return (given[0], given[1], given[2]) if right else None
