"""Arrays in .npy and .npz files. They are foreign bytes: no object is unpickled, nothing is read that does not fit."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import IO, TypeVar
from zipfile import ZipFile

import numpy as np
from numpy.lib import format as npy

from ..base.errors import SaddleError, UsageError, some
from ..base.files import regular
from ..base.memory import check_fits

T = TypeVar("T")
KEYS, LABELS = ("image", "images", "x", "data"), ("label", "labels")  # of samples and of labels, in an .npz
NPY, NPZ = b"\x93NUMPY", b"PK"  # how such files begin
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}  # the third is of no plain numbers


def read(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Samples and, if there are any, labels, in this machine's byte order. An .npy is not read into memory."""
    try:
        with regular(path) as file:
            start = file.read(len(NPY))
    except FileNotFoundError:
        raise UsageError(f"there is no file {path}") from None
    except (OSError, ValueError) as error:
        raise _refused(path, getattr(error, "strerror", None) or "not a name of a file") from None
    if start == NPY:
        return _native(path, _tried(path, lambda: _mapped(path))), None
    if not start.startswith(NPZ):
        raise _refused(path, "it is empty" if not start else "it begins like neither")
    samples, labels = _tried(path, lambda: _members(path))
    return _native(path, samples), labels if labels is None else _native(path, labels)


def _mapped(path: Path) -> np.ndarray:
    with regular(path) as file:
        _size(path, file)
    return npy.open_memmap(path, "r")


def _members(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """The samples and the labels of an .npz, of which no other member is looked at."""
    with ZipFile(path) as archive:
        held = {name.removesuffix(".npy"): name for name in archive.namelist()}
        samples, labels = (next((held[key] for key in keys if key in held), None) for keys in (KEYS, LABELS))
        if samples is None:
            what = some(held) or "nothing"
            raise UsageError(f"{path} holds {what}; the samples' key must be one of {some(KEYS)}")
        needed = 0
        for name in filter(None, (samples, labels)):
            with archive.open(name) as member:
                size = _size(path, member)
            if size > archive.getinfo(name).file_size:
                raise _refused(path, f"its {name} is cut short")
            needed += size
        check_fits(needed, f"the arrays in {path}")
        return _array(archive, samples), _array(archive, labels) if labels else None


def _array(archive: ZipFile, name: str) -> np.ndarray:
    with archive.open(name) as member:
        return np.asarray(npy.read_array(member, allow_pickle=False))


def _size(path: Path, file: IO[bytes]) -> int:
    """Bytes of the array in an .npy, from its header. UsageError for anything but plain values."""
    shape, _, dtype = _HEADERS[npy.read_magic(file)](file)
    if dtype.hasobject:
        raise _refused(path, "it holds Python objects, which could run anything; save an array of numbers")
    if min(shape, default=0) < 0:
        raise _refused(path, f"its shape is {shape}")
    return math.prod(shape) * dtype.itemsize


def _tried(path: Path, work: Callable[[], T]) -> T:
    try:
        return work()
    except SaddleError:
        raise
    except Exception as error:  # zip, zlib and numpy raise whatever comes to hand, with advice for programmers
        raise _refused(path, "it is damaged, cut short, or of a kind that is not known") from error


def _refused(path: Path, reason: str) -> UsageError:
    return UsageError(f"{path} is not a readable .npy or .npz file of numbers: {reason}")


def _native(path: Path, array: np.ndarray) -> np.ndarray:
    """The same numbers in this machine's byte order, and in 64 bits where they have more; else as they are."""
    wide = array.dtype.kind == "f" and array.dtype.itemsize > 8
    if array.dtype.isnative and not wide:
        return array
    dtype = np.dtype(np.float64) if wide else array.dtype.newbyteorder("=")
    check_fits(array.size * dtype.itemsize, f"the numbers in {path}")
    return array.astype(dtype)
