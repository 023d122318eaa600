"""Files that survive a crash."""

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Wait until the disk has this file, or this folder's list of names."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
