"""The headers and the digests of a folder's files. A file is read once, and again when its state is another one."""

import hashlib
import os
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

import PIL

from .._version import __version__
from ..base.plain import fits
from . import record
from .cache import in_parallel, locked
from .decode import Header, Unreadable, header
from .files import Files
from .fingerprint import fingerprint
from .options import DataOptions

RACY = 2_000_000_000  # nanoseconds: what is written again so soon may have the same times

Row = list[Any]  # of a file: its state, the values of its header, and its SHA-256; or its state and why it is bad
PASSING = "cannot be read: "  # begins a reason that may not be one the next time, though the file is the same


def survey(files: Files, options: DataOptions) -> tuple[dict[str, Header], list[str]]:
    """The headers by path and the SHA-256 of the files, of those whose header can be read; the others are now bad.

    Of the processes that want the same folder one reads the files, and the others read what it wrote down.
    """
    folder, form = options.cache_folder / "survey", [field.name for field in fields(Header)]
    asked = (options.max_megapixels, options.range is not None)
    name = fingerprint(__version__, PIL.__version__, form, str(files.root.resolve()), *asked)[:32]
    with locked(folder, name):
        known, began = _known(folder / f"{name}.json"), time.time_ns()
        rows = _rows(files, *asked, known)
        safe = {path: row for path, row in rows.items() if record.changed(row[0]) < began - RACY}
        if safe != known:
            record.write(folder / f"{name}.json", safe)
    files.bad += [(path, row[1]) for path, row in rows.items() if _is_bad(row)]
    good = {path: row for path, row in rows.items() if not _is_bad(row)}
    return {path: Header(*values) for path, (_, values, _) in good.items()}, [row[2] for row in good.values()]


def glance(files: Files, options: DataOptions) -> dict[str, Header]:
    """The headers by path; of the files the beginning is read alone, and nothing is written down."""

    def look(i: int) -> Header | str:
        try:
            path, any_range = files.root / files.images[i], options.range is not None
            return header(path, options.max_megapixels, any_range=any_range)
        except Unreadable as error:
            return str(error)

    looks = dict(zip(files.images, in_parallel(look, len(files.images)), strict=True))
    files.bad += [(path, seen) for path, seen in looks.items() if isinstance(seen, str)]
    return {path: seen for path, seen in looks.items() if not isinstance(seen, str)}


def _rows(files: Files, max_megapixels: float, any_range: bool, known: dict[str, Row]) -> dict[str, Row]:
    """By path, in order; what can perhaps be read the next time is now among the bad files, and has none."""

    def look(i: int) -> Row | str:
        path = files.root / unknown[i]
        try:
            state = record.state(path)  # first: if the file is changed from now on, its next state is another one
            head = header(path, max_megapixels, any_range=any_range)
            with path.open("rb") as file:
                return [state, [*vars(head).values()], hashlib.file_digest(file, "sha256").hexdigest()]
        except Unreadable as error:
            return str(error) if str(error).startswith(PASSING) else [state, str(error)]
        except OSError as error:
            return f"{PASSING}{error.strerror}"

    rows = {path: known[path] for path in files.images if path in known and _is_as(known[path], files.root, path)}
    unknown = [path for path in files.images if path not in rows]
    looks = dict(zip(unknown, in_parallel(look, len(unknown)), strict=True))
    files.bad += [(path, seen) for path, seen in looks.items() if isinstance(seen, str)]
    rows |= {path: seen for path, seen in looks.items() if not isinstance(seen, str)}
    return {path: rows[path] for path in files.images if path in rows}


def _known(path: Path) -> dict[str, Row]:
    """What was written down, as far as it is of that kind."""
    kept = record.read(path)
    rows = kept.items() if isinstance(kept, dict) else ()
    return {name: row for name, row in rows if _is_good(row) or _is_bad(row)}


def _is_good(row: object) -> bool:
    return fits(row, tuple[list[int], list[Any], str]) and len(row[1]) == len(fields(Header))  # type: ignore[index]


def _is_bad(row: object) -> bool:
    return fits(row, tuple[list[int], str])


def _is_as(row: Row, root: Path, path: str) -> bool:
    """Is the file in the state in which it was read?"""
    try:
        return bool(record.state(os.path.join(root, path)) == row[0])
    except OSError:
        return False
