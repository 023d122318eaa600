"""Files that survive a crash, and Python files that are read without running them."""

import ast
import errno
import fcntl
import os
import secrets
import stat
from contextlib import suppress
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
    part, handle = _part(path)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return path


def _part(path: Path) -> tuple[Path, int]:
    """A new file beside `path`, which is ours until it is closed. Its name is the same each time, so that what a kill
    leaves goes with the next attempt; unless another process is writing the same file just now.
    """
    part = path.with_name(f".{path.name}.part")
    clear(part)
    while True:
        try:
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)  # less what the user's umask takes
        except FileExistsError:
            part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
            continue
        with suppress(OSError):  # a file system without locks: there nothing is cleared
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            return part, handle
        os.close(handle)  # cleared before it was locked


def clear(part: Path) -> None:
    """Remove the part of a file that was never finished, if nobody is writing it."""
    with suppress(OSError):
        handle = os.open(part, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(handle), os.stat(part)):  # else it was finished meanwhile
                part.unlink()
        finally:
            os.close(handle)


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
