"""Decoded images on disk: decoded once, kept as one memory-mapped array, drawn at a hundred thousand a second.

Images of many sizes lie one behind the other in a flat array, with a list of their shapes beside it.
"""

import fcntl
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..base import telling
from ..base.errors import SaddleError
from ..base.files import sync
from .decode import Unreadable, reading
from .fingerprint import digest
from .ragged import Ragged, starts

T = TypeVar("T")
Shapes = tuple[int, int, int] | NDArray[np.int64]  # (C, H, W) of all images, or of each: [N, 3]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prepared:
    """The images of a folder, decoded. A file that could not be decoded leaves its row empty."""

    images: np.ndarray | Ragged  # memory map [N, C, H, W], uint8 or uint16, or images of many sizes
    digests: NDArray[np.uint8]  # [N, 32] of the decoded images
    bad: dict[int, str]  # row → reason


def prepare(
    folder: Path, key: str, n: int, shapes: Shapes, dtype: type, image: Callable[[int], np.ndarray]
) -> Prepared:
    """What `folder` keeps under `key`; if nothing yet, images 0 … n - 1 of these shapes, made in parallel.

    The rows appear all at once, by a rename. Processes that want the same key wait for the one that makes it.
    """
    kept = folder / key
    with _locked(folder, key):
        if (ready := _opened(kept, n, shapes, dtype)) is None:
            for leftover in [*folder.glob(f"{key}.*.tmp"), kept]:  # we hold the lock: nobody is writing these
                shutil.rmtree(leftover, ignore_errors=True)
            _room(folder, int(np.prod(_stored(n, shapes))) * np.dtype(dtype).itemsize)
            log.info("decoding %s images, once, into %s", f"{n:,}", kept)
            _make(folder, key, n, shapes, dtype, image)
            ready = _opened(kept, n, shapes, dtype)
        else:
            log.info("%s images were decoded before: taken from %s", f"{n:,}", kept)
    if ready is None:
        raise SaddleError(f"{kept} cannot be read back right after it was written; is the disk in order?")
    return ready


def in_parallel(work: Callable[[int], T], n: int, what: str = "reading images") -> list[T]:
    """[work(0), …, work(n - 1)], in threads: decoders let go of the interpreter's lock. `what` is told on the way.

    Whoever stops it need not wait for the images that are just being read: leaving the pool does not, and its threads
    do not keep the process.
    """
    with reading(), ThreadPool(min(16, os.cpu_count() or 1)) as pool:
        return list(telling.each(what, pool.imap(work, range(n)), n))


def _stored(n: int, shapes: Shapes) -> tuple[int, ...]:
    """The shape of the array that holds n images."""
    return (n, *shapes) if isinstance(shapes, tuple) else (int(starts(shapes)[-1]),)


def _images(stored: np.ndarray, shapes: Shapes) -> np.ndarray | Ragged:
    return stored if isinstance(shapes, tuple) else Ragged.of(stored, shapes)


def _make(folder: Path, key: str, n: int, shapes: Shapes, dtype: type, image: Callable[[int], np.ndarray]) -> None:
    temporary = Path(tempfile.mkdtemp(prefix=f"{key}.", suffix=".tmp", dir=folder))
    try:
        stored = np.lib.format.open_memmap(temporary / "images.npy", "w+", dtype, _stored(n, shapes))
        images = _images(stored, shapes)

        def row(i: int) -> bytes | str:
            try:
                images[i][...] = image(i)
            except Unreadable as error:
                return str(error)
            return digest(images[i])

        rows = in_parallel(row, n, "decoding images")
        stored.flush()
        about = [mark if isinstance(mark, str) else None for mark in rows]
        (temporary / "bad.json").write_text(json.dumps({i: reason for i, reason in enumerate(about) if reason}))
        marks = b"".join(bytes(32) if isinstance(mark, str) else mark for mark in rows)
        np.save(temporary / "digests.npy", np.frombuffer(marks, np.uint8).reshape(-1, 32))
        if not isinstance(shapes, tuple):
            np.save(temporary / "shapes.npy", shapes)
        for file in temporary.iterdir():
            sync(file)
        temporary.rename(folder / key)
        sync(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _opened(kept: Path, n: int, shapes: Shapes, dtype: type) -> Prepared | None:
    """What is kept, or None if there is nothing or it is not whole."""
    try:
        stored = np.load(kept / "images.npy", mmap_mode="r", allow_pickle=False)
        if not isinstance(shapes, tuple) and not np.array_equal(np.load(kept / "shapes.npy"), shapes):
            return None
        digests = np.load(kept / "digests.npy", allow_pickle=False)
        bad = {int(row): reason for row, reason in json.loads((kept / "bad.json").read_text()).items()}
    except (OSError, ValueError):
        return None
    whole = (stored.shape, stored.dtype, digests.shape) == (_stored(n, shapes), np.dtype(dtype), (n, 32))
    return Prepared(_images(stored, shapes), digests, bad) if whole else None


@contextmanager
def _locked(folder: Path, key: str) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / f"{key}.lock").open("w")
    except OSError as error:
        raise SaddleError(
            f"cannot keep decoded images in {folder}: {error.strerror}; name another folder with data.cache"
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # let go when the file is closed, or the process ends
        yield


def _room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise SaddleError(
            f"the decoded images need {needed:,} bytes in {folder}, where {free:,} are free; "
            "ask for a smaller data.size, or name another folder with data.cache"
        )
