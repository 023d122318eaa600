"""Files that survive a crash, and Python files that are read without running them."""

import ast
import os
import tempfile
from pathlib import Path
from threading import RLock

PARSING = RLock()  # CPython 3.11 counts the depth of a syntax tree in a place that all threads share


def sync(path: Path) -> None:
    """Wait until the disk has this file, or this folder's list of names."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replace(path: str | os.PathLike[str], data: bytes) -> Path:
    """Make `data` the content of the file at once, creating its folder: a crash leaves the old content or the new."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)  # mkstemp's files are the owner's alone
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path


def parsed(text: str) -> ast.Module:
    """The syntax tree of a Python file's text, one thread at a time."""
    with PARSING:
        return ast.parse(text)
