"""What was found out about files, believed as long as they are in the same state: so nothing is read twice.

The state of a file is its size, its number on the disk, when it was last written, and when anything about it was last
changed. Programs can set back the former time (`touch`, `cp -p`), not the latter. Bytes that change without either, as
those of a failing disk do, are not noticed.
"""

import errno
import hashlib
import json
import logging
import os
import stat
from pathlib import Path
from typing import Any

from ..base.files import regular, replace

State = list[int]  # a list, as it comes back from JSON
log = logging.getLogger(__name__)


def state(path: str | os.PathLike[str]) -> State:
    """Of a regular file. OSError for anything else."""
    now = os.stat(path)
    if not stat.S_ISREG(now.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return [now.st_size, now.st_mtime_ns, now.st_ctime_ns, now.st_ino]


def changed(known: State) -> int:
    """When the file was last changed in any way, in nanoseconds since 1970."""
    return max(known[1:3])


def read(path: Path) -> Any:
    """What `write` wrote there, or None if there is nothing, or it is damaged."""
    try:
        with regular(path) as file:
            mark, _, text = file.read().partition(b"\n")
        return json.loads(text) if mark == _mark(text) else None
    except (OSError, ValueError, RecursionError):
        return None


def write(path: Path, content: Any) -> None:
    """Keep plain values. Where nothing can be written, nothing is kept: it only costs time to find it out again."""
    text = json.dumps(content, separators=(",", ":")).encode()
    try:
        replace(path, _mark(text) + b"\n" + text)
    except OSError as error:
        log.info("cannot write %s: %s", path, error.strerror)


def _mark(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest().encode()
