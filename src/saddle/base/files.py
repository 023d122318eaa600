"""Files that survive a crash, and Python files that are read without running them."""

import ast
import errno
import os
import stat
import tempfile
from pathlib import Path
from threading import RLock
from typing import BinaryIO

PARSING = RLock()  # CPython 3.11 counts the depth of a syntax tree in a place that all threads share


def sync(path: Path) -> None:
    """Wait until the disk has this file, or this folder's list of names."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def reserve(path: Path) -> None:
    """Make the disk give room for every byte of the file now: to a map of it a full disk would be a killed process."""
    handle = os.open(path, os.O_RDWR)
    try:
        os.posix_fallocate(handle, 0, os.fstat(handle).st_size)
    except AttributeError:  # macOS has no such call
        pass
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):  # of disks that cannot do so
            raise
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


def regular(path: str | os.PathLike[str]) -> BinaryIO:
    """The file, open to be read. OSError for a folder, a pipe or a device, which would keep one waiting for ever."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return os.fdopen(handle, "rb")


def parsed(text: str) -> ast.Module:
    """The syntax tree of a Python file's text, one thread at a time."""
    with PARSING:
        return ast.parse(text)
