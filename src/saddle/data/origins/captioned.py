"""captioned:PATH: the images of a folder and their captions in its CSV or JSONL file: columns file and caption

PATH is that file, or the folder that it lies in. An image with several captions has as many lines, or in JSONL a list;
each time it is drawn one of them comes with it.
"""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError, near, some
from ..contents import fingerprint, hold_out
from ..files import MOST, listing
from ..options import DataOptions
from . import folder

if TYPE_CHECKING:
    from ..source import Source

SUFFIXES = (".csv", ".jsonl")
COLUMNS = ("file", "caption")


def open(options: DataOptions, place: str) -> "Source":
    """Keys image and caption. UsageError for images without captions, captions without images, unreadable files."""
    options.allow("size", "channels", "flip", "background", "skip_bad", "heldout", "max_megapixels")
    table = table_in(Path(place).expanduser())
    said = captions_in(table)
    ready, good, paths, shape, bits, notes = folder.readable(options, str(table.parent))
    there = set(folder.found_in(table.parent).images)  # those that cannot be read, too
    if strange := [file for file in said if file not in there]:
        message = [f"{file}{near(file, paths) if i < MOST else ''}" for i, file in enumerate(strange)]
        raise UsageError(f"{table} has captions of {len(strange):,} images that are not there:\n{listing(message)}")
    told = [i for i, path in enumerate(paths) if path in said]
    if len(told) < len(paths) and not options.skip_bad:
        untold = [path for path in paths if path not in said]
        raise UsageError(
            f"{len(untold):,} of {len(paths):,} images have no caption in {table}:\n{listing(untold)}\n"
            "Give them captions, or leave them out with --data.skip_bad true"
        )
    if len(told) < 2:
        raise UsageError(f"{table} has captions of {len(told)} image; to train takes many, at the very least 2")
    notes |= {"captions": sum(map(len, said.values())), "without a caption": len(paths) - len(told)}
    return _source(options, ready, good[told], [said[paths[i]] for i in told], (shape, bits, notes))


def table_in(path: Path) -> Path:
    """The file with the captions: `path`, or the only one in that folder. UsageError if there is none, or a choice."""
    if not path.exists():
        raise UsageError(f"there is no {path}; captioned: takes a folder of images with a .csv or .jsonl file")
    if path.is_file() and path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path} is neither a .csv nor a .jsonl file")
    tables = [path] if path.is_file() else sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES)
    if not tables:
        raise UsageError(f"{path} holds no .csv or .jsonl file with the captions: columns {' and '.join(COLUMNS)}")
    if len(tables) > 1:
        names = ", ".join(table.name for table in tables)
        raise UsageError(f"{path} holds {names}; name the one with the captions: captioned:{tables[0]}")
    return tables[0]


def captions_in(table: Path) -> dict[str, list[str]]:
    """The captions of every image by its path, in order. UsageError, with its number, for a line that is amiss."""
    said: dict[str, list[str]] = {}
    rows = _csv_rows(table) if table.suffix.lower() == ".csv" else _json_rows(table)
    for number, row in rows:
        if missing := [name for name in COLUMNS if not row.get(name)]:
            columns = some([name for name in row if name is not None])
            raise UsageError(f"{table}, line {number}: no {' and no '.join(missing)}; it has {columns or 'nothing'}")
        texts = row["caption"] if isinstance(row["caption"], list) else [row["caption"]]
        if not all(isinstance(text, str) and text.strip(" \0") and "\0" not in text for text in [*texts, row["file"]]):
            raise UsageError(f"{table}, line {number}: a file and a caption are texts, not {row!r:.200}")
        said.setdefault(Path(row["file"]).as_posix(), []).extend(text.strip() for text in texts)
    if not said:
        raise UsageError(f"{table} holds no captions: lines with {' and '.join(COLUMNS)}")
    return said


def _csv_rows(table: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            for row in reader:
                yield reader.line_num, row
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{table} is not a CSV file in UTF-8: {error}") from error


def _json_rows(table: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        for number, line in enumerate(table.read_text("utf-8-sig").splitlines(), 1):
            if line.strip():
                row = json.loads(line)
                yield number, row if isinstance(row, dict) else {}
    except ValueError as error:
        raise UsageError(f"{table} is not lines of JSON in UTF-8: {error}") from error


def _source(
    options: DataOptions,
    ready: folder.Prepared,
    rows: NDArray[np.int64],
    said: list[list[str]],
    about: tuple[tuple[int, int, int], int, dict[str, object]],
) -> "Source":
    from ...spec import DataSpec
    from ...text import condition_of, packed
    from ..labels import labelled
    from ..source import Rows, Several, Source, Split

    shape, bits, notes = about
    condition = condition_of(text for texts in said for text in texts)
    spec = DataSpec(shape, ("image", "caption"), bits=bits, condition=condition)
    parts = []
    for chosen in hold_out(ready.digests[rows], options.heldout):
        texts = [said[i] for i in chosen]
        values = packed([text for each in texts for text in each], condition.length).astype(np.uint8)
        starts = np.cumsum([0, *map(len, texts)])
        columns: dict[str, Any] = {"image": Rows(ready.images, rows[chosen]), "caption": Several(values, starts)}
        parts.append(Split(columns) if len(chosen) else None)
    train, heldout = parts
    assert train is not None  # hold_out leaves the larger part
    spec = labelled(spec, train.columns["caption"].values.astype(np.int64))  # type: ignore[attr-defined]
    mark = fingerprint(ready.digests[rows], spec, said, options.heldout)
    return Source(options.source, spec, train, heldout, mark, notes)
