"""Decoded images on disk: decoded once, kept as one memory-mapped array, drawn at a hundred thousand a second.

Images of many sizes lie one behind the other in a flat array, with a list of their shapes beside it.
"""

import fcntl
import json
import logging
import os
import shutil
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import chain, groupby
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..base import telling
from ..base.errors import SaddleError
from ..base.files import reserve, sync
from ..base.plain import from_json, text
from . import record
from .decode import Unreadable, in_order, reading
from .fingerprint import digest
from .ragged import Ragged, starts

T = TypeVar("T")
CHECKED = "checked.json"  # the states in which the files of an entry were compared with its digests
BLOCK = 256  # images that a thread compares at a time
Shapes = tuple[int, int, int] | NDArray[np.int64]  # (C, H, W) of all images, or of each: [N, 3]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prepared:
    """The images of a folder, decoded. A file that could not be decoded leaves its row empty."""

    images: np.ndarray | Ragged  # memory map [N, C, H, W], uint8 or uint16, or images of many sizes
    digests: NDArray[np.uint8]  # [N, 32] of the decoded images
    bad: dict[int, str]  # row → reason


def prepare(
    folder: Path, key: str, files: Sequence[str], shapes: Shapes, dtype: type, image: Callable[[int], np.ndarray]
) -> Prepared:
    """What `folder` keeps under `key`; if nothing yet, images of these files and shapes, made in parallel.

    The rows appear all at once, by a rename. Processes that want the same key wait for the one that makes it. What is
    kept is compared with its digests when its files are not in the state in which they were compared last.
    """
    kept, n = folder / key, len(files)
    with locked(folder, key):
        ready = _opened(kept, n, shapes, dtype)
        if ready is None:
            if os.path.lexists(kept):
                log.warning("the decoded images in %s are damaged, and are decoded anew", kept)
            for leftover in [*folder.glob(f"{key}.*.tmp"), kept]:  # we hold the lock: nobody is writing these
                _remove(leftover)
            _clean(folder)
            _room(folder, int(np.prod(_stored(n, shapes))) * np.dtype(dtype).itemsize)
            log.info("decoding %s images, once, into %s", f"{n:,}", kept)
            _make(folder, key, files, shapes, dtype, image)
            ready = _opened(kept, n, shapes, dtype)
        else:
            log.info("%s images were decoded before: taken from %s", f"{n:,}", kept)
    if ready is None:
        raise SaddleError(f"{kept} cannot be read back right after it was written; is the disk in order?")
    return ready


def in_parallel(
    work: Callable[[int], T], n: int, what: str = "reading images", files: Sequence[Hashable] = ()
) -> list[T]:
    """[work(0), …, work(n - 1)], in threads: decoders let go of the interpreter's lock. `what` is reported on the way.

    What comes of one file, by `files` of each, is made by one thread, in order.

    Whoever stops it need not wait for the images that are just being read: leaving the pool does not, and its threads
    do not keep the process.
    """

    def tried(i: int) -> tuple[T, None] | tuple[None, BaseException]:
        try:
            return work(i), None
        except BaseException as error:  # of which a pool's thread would die, and leave us waiting
            return None, error

    def together(places: list[int]) -> list[tuple[T, None] | tuple[None, BaseException]]:
        if len(places) == 1:
            return [tried(places[0])]
        with in_order():
            return [tried(i) for i in places]

    groups = [list(places) for _, places in groupby(range(n), (files or range(n)).__getitem__)]
    done: list[T] = []
    with reading(), ThreadPool(min(16, os.cpu_count() or 1)) as pool:
        for made, error in telling.each(what, chain.from_iterable(pool.imap(together, groups)), n):
            if error:
                raise error
            done.append(made)  # type: ignore[arg-type]  # there is none only with an error
    return done


def _stored(n: int, shapes: Shapes) -> tuple[int, ...]:
    """The shape of the array that holds n images."""
    return (n, *shapes) if isinstance(shapes, tuple) else (int(starts(shapes)[-1]),)


def _images(stored: np.ndarray, shapes: Shapes) -> np.ndarray | Ragged:
    return stored if isinstance(shapes, tuple) else Ragged.of(stored, shapes)


def _make(
    folder: Path, key: str, files: Sequence[str], shapes: Shapes, dtype: type, image: Callable[[int], np.ndarray]
) -> None:
    temporary = folder / f"{key}.{os.getpid()}.tmp"
    try:
        temporary.mkdir()
        stored = np.lib.format.open_memmap(temporary / "images.npy", "w+", dtype, _stored(len(files), shapes))
        reserve(temporary / "images.npy")
        images = _images(stored, shapes)

        def row(i: int) -> bytes | str:
            try:
                images[i][...] = image(i)
            except Unreadable as error:
                return str(error)
            return digest(images[i])

        rows = in_parallel(row, len(files), "decoding images", files)
        stored.flush()
        about = [mark if isinstance(mark, str) else None for mark in rows]
        (temporary / "bad.json").write_text(json.dumps({i: reason for i, reason in enumerate(about) if reason}))
        marks = b"".join(bytes(32) if isinstance(mark, str) else mark for mark in rows)
        np.save(temporary / "digests.npy", np.frombuffer(marks, np.uint8).reshape(-1, 32))
        if not isinstance(shapes, tuple):
            np.save(temporary / "shapes.npy", shapes)
        for file in temporary.iterdir():
            sync(file)
        record.write(temporary / CHECKED, _states(temporary, shapes))
        temporary.rename(folder / key)
        sync(folder)
    except OSError as error:
        raise _unkept(folder, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _clean(folder: Path) -> None:
    """Remove what killed processes left of any key: where its lock is free, nobody is writing."""
    for leftover in folder.glob("*.*.tmp"):
        key = leftover.name.rsplit(".", 2)[0]
        with suppress(OSError), (folder / f"{key}.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(leftover, ignore_errors=True)


def _opened(kept: Path, n: int, shapes: Shapes, dtype: type) -> Prepared | None:
    """What is kept, or None if there is nothing or it is not what was written."""
    try:
        states = _states(kept, shapes)  # before anything is read: a change from now on is seen the next time
        ready = _read(kept, n, shapes, dtype)
    except Exception:  # whatever numpy and json raise for a damaged file
        return None
    if ready is None or record.read(kept / CHECKED) == states:
        return ready
    log.info("comparing the decoded images in %s with their digests", kept)
    if not _as_digested(ready):
        return None
    record.write(kept / CHECKED, states)  # entries of earlier versions have none
    return ready


def _states(kept: Path, shapes: Shapes) -> dict[str, record.State]:
    """Of the files of an entry, by name."""
    names = ["images.npy", "digests.npy", "bad.json"] + ["shapes.npy"] * (not isinstance(shapes, tuple))
    return {name: record.state(kept / name) for name in names}


def _read(kept: Path, n: int, shapes: Shapes, dtype: type) -> Prepared | None:
    """What the files hold, or None if that is not of these shapes. All are regular ones."""
    stored, marks = (np.lib.format.open_memmap(kept / name, "r") for name in ("images.npy", "digests.npy"))
    if (stored.shape, stored.dtype) != (_stored(n, shapes), np.dtype(dtype)):
        return None
    if (marks.shape, marks.dtype) != ((n, 32), np.dtype(np.uint8)):
        return None
    if not isinstance(shapes, tuple) and not np.array_equal(np.load(kept / "shapes.npy"), shapes):
        return None
    digests = np.array(marks)
    bad = {int(row): reason for row, reason in from_json(text(kept / "bad.json")).items()}
    told = all(isinstance(reason, str) for reason in bad.values())
    if not told or sorted(bad) != np.flatnonzero(~digests.any(1)).tolist():
        return None
    return Prepared(_images(stored, shapes), np.array(digests), bad)


def _as_digested(ready: Prepared) -> bool:
    """Has every image the digest that it had when it was decoded?"""

    def block(i: int) -> bool:
        rows = range(i * BLOCK, min((i + 1) * BLOCK, len(ready.digests)))
        return all(row in ready.bad or digest(ready.images[row]) == ready.digests[row].tobytes() for row in rows)

    return all(in_parallel(block, -(-len(ready.digests) // BLOCK), "comparing decoded images with their digests"))


@contextmanager
def locked(folder: Path, name: str) -> Iterator[None]:
    """Among all threads and processes, only one at a time for each name."""
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            stack.callback(os.close, lock)
            fcntl.flock(lock, fcntl.LOCK_EX)  # let go when the file is closed, or the process ends
        except OSError as error:
            raise _unkept(folder, error) from error
        yield


def _remove(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise SaddleError(
            f"{path} is of no use and cannot be removed: {error.strerror}; remove it, or name another folder with "
            "data.cache"
        ) from error


def _unkept(folder: Path, error: OSError) -> SaddleError:
    return SaddleError(
        f"cannot keep decoded images in {folder}: {error.strerror or error}; name another folder with data.cache"
    )


def _room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise SaddleError(
            f"the decoded images need {needed:,} bytes in {folder}, where {free:,} are free; "
            "ask for a smaller data.size, or name another folder with data.cache"
        )
