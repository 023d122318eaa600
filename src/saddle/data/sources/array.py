"""array:FILE: images, points or signals in an .npy file, or an .npz with the keys image, x or data and, if any, label

An array of images is read as images always are. Points and signals are trained in units of their own deviation, and
samples come back in the data's own.
"""

from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from ...base.errors import UsageError, some
from ...spec import Condition, DataSpec, Field, Kind
from ..decode import fitted, with_channels
from ..fingerprint import digests, fingerprint, hold_out
from ..labels import learned, remarks
from ..legacy import earlier
from ..options import AUGMENTATIONS, DataOptions
from ..source import OF_VECTORS, Column, Judged, Rows, Source, Split
from ..structured import as_kind, check_finite, kind_of, normalisation

KEYS = ("image", "images", "x", "data")  # of the samples in an .npz
NAMES = {"image": "image", "points": "point", "signal": "signal"}
ALWAYS = ("kind", "heldout", "labels", "labelled", "labelled_share")  # settings of all arrays
OF_IMAGES = ("size", "channels", *AUGMENTATIONS)
MOST_CLASSES = 100_000  # every class has a name, up to the highest label: a stray number must not fill the memory


def open(options: DataOptions, path: str) -> Source:
    """Images, points or signals, by `--data.kind` or by their shape; the notes say what was recognised.

    Images are of any number of channels, as [N, H, W], [N, H, W, C] or [N, C, H, W]: uint8, uint16, or floats in [0, 1]
    or [-1, 1]. Points [N, D] and signals [N, C, T] are numbers of any type. An .npy is not read into memory.
    """
    file = Path(path).expanduser()
    array, labels = _read(file)
    kind = kind_of(array, options.kind)
    options.allow(*(ALWAYS + OF_IMAGES if kind == "image" else ALWAYS))
    samples, field, notes = _images(file, array, options) if kind == "image" else _structured(file, array, kind)
    if len(samples) < 2:
        raise UsageError(f"{file} holds {len(samples)} {NAMES[kind]}; to train takes many, at the very least 2")
    if (options.labels or options.labelled) and labels is None:
        raise UsageError(f"{file} holds no labels; data.labels takes an .npz file with the keys image and label")
    if options.label_file:
        raise UsageError(f"{file} has labels of its own or none; {options.label_file} is of use beside images in files")
    marks = digests(samples)
    parts = hold_out(marks, options.heldout)
    if kind != "image":
        field = normalisation(field, samples, parts[0])
    spec = DataSpec({"image": field})
    if labels is not None:
        condition = Condition("class", _checked(file, labels, len(samples)))
        spec, labels = learned(DataSpec({"image": field, "label": condition.field}), labels, parts[0], options.labelled)
        notes |= remarks(condition, labels[parts[0]])
    mark = fingerprint(marks, spec.identity(), labels, options.heldout)
    train, heldout = (_split(samples, labels, rows) for rows in parts)
    assert train is not None  # hold_out leaves the larger part
    before = earlier(marks, spec, labels, options.heldout)
    judged = Judged() if kind == "image" else OF_VECTORS
    return Source(options.source, spec, train, heldout, mark, notes, judged, before)


def _read(path: Path) -> tuple[np.ndarray, NDArray[np.int64] | None]:
    """Samples and labels as the file has them; nothing in it is unpickled."""
    try:
        content = np.load(path, mmap_mode="r", allow_pickle=False)
        held = {"image": content} if isinstance(content, np.ndarray) else dict(content)
    except FileNotFoundError:
        raise UsageError(f"there is no file {path}") from None
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise UsageError(f"{path} is not a readable .npy or .npz file of numbers: {error}") from error
    samples, labels = (next((held[key] for key in keys if key in held), None) for keys in (KEYS, ("label", "labels")))
    if samples is None:
        raise UsageError(f"{path} holds {some(held) or 'nothing'}; the samples' key must be one of {some(KEYS)}")
    return _native(samples), labels if labels is None else _native(labels)


def _native(array: np.ndarray) -> np.ndarray:
    """The same numbers in this machine's byte order, and in 64 bits where they have more; else as they are."""
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        return array.astype(np.float64)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _structured(path: Path, array: np.ndarray, kind: Kind) -> tuple[np.ndarray, Field, dict[str, Any]]:
    """Points or signals, their field and the notes."""
    samples, field = as_kind(path, array, kind)
    check_finite(path, samples)
    return samples, field, {"recognised": f"{field}; another kind is asked for with --data.kind"}


def _images(path: Path, array: np.ndarray, options: DataOptions) -> tuple[np.ndarray, Field, dict[str, Any]]:
    """Images [N, C, H, W], uint8 or uint16, their field and the notes."""
    notes: dict[str, Any] = {"recognised": "images"}
    images, notes["layout"] = _channels_last(path, array, options.channels)
    images, notes["range"] = _whole_numbers(path, images, array.ndim)
    images = _reshaped(images, options).transpose(0, 3, 1, 2)
    return images, Field("image", images.shape[1:], bits=8 * images.dtype.itemsize), notes


def _channels_last(path: Path, images: np.ndarray, channels: int | None) -> tuple[np.ndarray, str]:
    """[N, H, W, C] and the name of the layout found: the channels are the smaller of the two axes they could be."""
    if images.ndim not in (3, 4) or 0 in images.shape:
        raise UsageError(
            f"{path} has the shape {images.shape}; images are [N, H, W], [N, H, W, C] or [N, C, H, W], points [N, D] "
            "and signals [N, C, T], each at least 1"
        )
    if images.ndim == 3:
        return images[..., None], "NHW"
    first, last = images.shape[1], images.shape[3]
    if first == last:
        raise UsageError(
            f"{path} has the shape {images.shape}, so the channels may be axis 1 or axis 3; "
            "give images whose channels are not as many as their pixels in a line"
        )
    wanted = channels if channels in (first, last) else min(first, last)
    return (np.moveaxis(images, 1, 3), "NCHW") if first == wanted else (images, "NHWC")


def _whole_numbers(path: Path, images: np.ndarray, axes: int) -> tuple[np.ndarray, str]:
    """uint8 or uint16, and the range that was found: floats become 16 bits, or 8 where those say the same."""
    if images.dtype in (np.uint8, np.uint16):
        return images, f"0 to {np.iinfo(images.dtype).max}"
    otherwise = "; signals [N, C, T] of any numbers are asked for with --data.kind signal" if axes == 3 else ""
    if images.dtype.kind != "f":
        raise UsageError(
            f"{path} holds {images.dtype}; images are uint8, uint16, or floats in [0, 1] or [-1, 1]{otherwise}"
        )
    low, high = float(images.min()), float(images.max())
    if not -1 <= low <= high <= 1:  # false for NaN too
        raise UsageError(
            f"{path} holds floats from {low:g} to {high:g}; of images they must lie in [0, 1] or [-1, 1]{otherwise}"
        )
    unit = np.asarray(images, np.float64) if low >= 0 else (np.asarray(images, np.float64) + 1) / 2
    levels = 255 if np.abs(unit * 255 - np.rint(unit * 255)).max() < 1e-3 else 65535
    kind = np.uint8 if levels == 255 else np.uint16
    return np.rint(unit * levels).astype(kind), "[0, 1] assumed" if low >= 0 else "[-1, 1] assumed"


def _reshaped(images: np.ndarray, options: DataOptions) -> np.ndarray:
    """[N, H, W, C] with the channels and the size asked for."""
    if options.channels is not None:
        images = with_channels(images, options.channels)
    if options.sides in (None, images.shape[1:3]):
        return images
    height, width = options.sides
    return np.stack([fitted(image, height, width) for image in images])


def _checked(path: Path, labels: np.ndarray, n: int) -> tuple[str, ...]:
    """The names of the classes. Raises UsageError for labels that are not one number from 0 for every image."""
    if labels.shape != (n,) or labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= MOST_CLASSES:
        raise UsageError(
            f"{path} has labels of type {labels.dtype} and shape {labels.shape}; "
            f"{n} samples take {n} whole numbers from 0 to below {MOST_CLASSES:,}"
        )
    return tuple(str(i) for i in range(int(labels.max()) + 1))


def _split(samples: np.ndarray, labels: np.ndarray | None, rows: NDArray[np.int64]) -> Split | None:
    columns: dict[str, Column] = {"image": Rows(samples, rows)}
    if labels is not None:
        columns["label"] = labels[rows].astype(np.int64)
    return Split(columns) if len(rows) else None
