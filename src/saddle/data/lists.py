"""Tables of images in a CSV or JSONL file: a line for each row, a column for each key. Nothing is opened here."""

from collections.abc import Mapping
from pathlib import Path

from ..base.errors import UsageError, near, some
from .files import FOREIGN, SUFFIXES
from .keyed import Key, Table
from .layouts import PARTS
from .readers import Masks, Pictures, Reader
from .tables import Line, records

SPLIT = "split"  # the column that says what is trained on and what is held out
READERS: dict[str, Reader] = {"mask": Masks()}  # of columns of other names: pictures


def listed(path: Path, keys: tuple[str, ...], kinds: Mapping[str, Reader] = READERS) -> Table:
    """The rows of a file, whose columns `keys` must be there; further columns of files become further keys.

    Cells are paths, below the file's folder or whole ones. A column `split` says train, val or test. UsageError, with
    the line, for a file that is not there.
    """
    lines = records(path)
    lines = [(number, _lowered(path, cells, (*keys, *kinds, SPLIT))) for number, cells in lines]
    columns = list(lines[0][1])
    missing = [key for key in keys if key not in columns]
    if missing:
        raise UsageError(
            f"{path} has no column {some(missing, between=' and ')}{near(missing[0], columns)}; its columns are "
            f"{some(columns)}, and those of the images must be called {some(keys, between=' and ')}"
        )
    chosen = [*keys, *(column for column in columns if column not in (*keys, SPLIT))]
    parts: dict[str, list[Line]] = {"train": [], "test": []}
    for line in lines:
        parts[_part(path, line)].append(line)
    names = {
        key: {part: [_file(path, number, key, cells[key]) for number, cells in rows] for part, rows in parts.items()}
        for key in chosen
    }
    made = {
        key: Key(each["train"], each["test"], reader=kinds.get(key, Pictures())) for key, each in names.items()
    }  # fmt: skip
    return Table(path.parent, made, paired=True, found=f"listed in {path.name}", parted=bool(parts["test"]))


def _lowered(path: Path, cells: Mapping[str, str], keys: tuple[str, ...]) -> dict[str, str]:
    """Cells of one line, with the names of these keys as they are written here: A is a."""
    named = [(column.lower() if column.lower() in keys else column, cell) for column, cell in cells.items()]
    if len({column for column, _ in named}) < len(named):
        raise UsageError(f"{path} has two columns of one name, in capitals and without: {some(cells)}; rename one")
    return dict(named)


def _part(path: Path, line: Line) -> str:
    """Whether a line is trained on or held out."""
    number, cells = line
    said = cells.get(SPLIT, "").lower()
    if said and said not in PARTS:
        raise UsageError(f"{path}, line {number}: the split is '{cells[SPLIT]}'; it is train, val or test")
    return "train" if PARTS.get(said, "train") == "train" else "test"


def _file(path: Path, number: int, key: str, cell: str) -> str:
    """The name of the image in a cell. UsageError where there is none."""
    where = f"{path}, line {number}, column {key}"
    if not cell:
        raise UsageError(f"{where}: the cell is empty; every line names an image for each key")
    name = Path(cell.replace("\\", "/")).expanduser()
    if name.suffix.lower() not in (*SUFFIXES, *FOREIGN):
        raise UsageError(f"{where}: '{cell}' is not an image by its name; columns beside split are files of images")
    if not (path.parent / name).is_file():
        raise UsageError(f"{where}: there is no file {cell} in {path.parent}")
    return name.as_posix()
