"""array:FILE: images, points or signals in an .npy file, or an .npz with the keys image, x or data and, if any, label

An array of images is read as images always are. Points and signals are trained in units of their own deviation, and
samples come back in the data's own.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...base.errors import UsageError
from ...base.memory import check_fits
from ...spec import Condition, DataSpec, Field, Kind
from ..arrays import read
from ..fingerprint import digests, fingerprint, hold_out, picked, shrunk
from ..labels import learned, remarks
from ..legacy import earlier
from ..notes import dark, idle_limit, of_values, share
from ..options import AUGMENTATIONS, DataOptions, Range, units
from ..picture import colour, fitted, ranged, with_channels
from ..sizes import brought
from ..source import ANY_IMAGES, OF_VECTORS, Column, Rows, Source, Split
from ..structured import as_kind, check_finite, kind_of, normalisation

NAMES = {"image": "image", "points": "point", "signal": "signal"}
ALWAYS = ("kind", "heldout", "labels", "labelled", "labelled_share", "limit")  # settings of all arrays
OF_IMAGES = ("size", "fit", "channels", "range", *AUGMENTATIONS)
_BLOCK = 2**22  # values that are changed at a time
MOST_CLASSES = 100_000  # every class has a name, up to the highest label: a stray number must not fill the memory


def open(options: DataOptions, path: str) -> Source:
    """Images, points or signals, by `--data.kind` or by their shape; the notes say what was recognised.

    Images are of any number of channels, as [N, H, W], [N, H, W, C] or [N, C, H, W]: uint8, uint16, or floats in [0, 1]
    or [-1, 1]. Points [N, D] and signals [N, C, T] are numbers of any type. An .npy is not read into memory.
    """
    file = Path(path).expanduser()
    return made(options, file, *read(file))


def made(
    options: DataOptions, file: Path | str, array: np.ndarray, labels: np.ndarray | None, names: Sequence[str] = ()
) -> Source:
    """The source of samples and, if there are any, labels [N] of these classes; `file` is what messages call them."""
    kind = kind_of(array, options.kind)
    options.allow(*_takes(options) if kind == "image" else ALWAYS)
    samples, field, notes = _images(file, array, options) if kind == "image" else _structured(file, array, kind)
    if len(samples) < 2:
        raise UsageError(f"{file} holds {len(samples)} {NAMES[kind]}; to train takes many, at the very least 2")
    if (options.labels or options.labelled) and labels is None:
        raise UsageError(f"{file} holds no labels; data.labels takes an .npz file with the keys image and label")
    if options.label_file:
        raise UsageError(f"{file} has labels of its own or none; {options.label_file} is of use beside images in files")
    marks = digests(samples)
    taken = picked(marks, options.limit)
    notes |= idle_limit(len(marks), options)
    marks = marks[taken]
    parts = [taken[part] for part in hold_out(marks, options.heldout)]
    notes |= shrunk(marks, options.heldout)
    if kind != "image":
        field = normalisation(field, samples, parts[0])
    spec = DataSpec({"image": field})
    if labels is not None:
        condition = Condition("class", _checked(file, labels, len(samples), names))
        spec, labels = learned(DataSpec({"image": field, "label": condition.field}), labels, parts[0], options.labelled)
        notes |= remarks(condition, labels[parts[0]])
    train, heldout = (_split(samples, labels, rows) for rows in parts)
    assert train is not None  # hold_out leaves the larger part
    known = labels if labels is None else labels[taken]
    mark = fingerprint(marks, spec.identity(), known, options.heldout, *units(options))
    before = earlier(marks, spec, known, options.heldout)
    judged = ANY_IMAGES if kind == "image" else OF_VECTORS
    return Source(options.source, spec, train, heldout, mark, notes, judged, before)


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives of images without enlarging them. Units of points and signals are in their numbers."""
    file = Path(path).expanduser()
    array, labels = read(file)
    if kind_of(array, options.kind) != "image":
        return open(options, path).spec
    options.allow(*_takes(options))
    field = _field(_reshaped(_plain_images(file, array, options)[0][:1], options))
    if labels is None:
        return DataSpec({"image": field})
    condition = Condition("class", _checked(file, labels, len(array)))
    spec = DataSpec({"image": field, "label": condition.field})
    return learned(spec, labels, np.arange(len(array)), options.labelled)[0]


def _takes(options: DataOptions) -> tuple[str, ...]:
    """Settings of images."""
    return (*ALWAYS, *OF_IMAGES, *(["background"] if options.fit == "pad" else []))


def _structured(path: Path | str, array: np.ndarray, kind: Kind) -> tuple[np.ndarray, Field, dict[str, Any]]:
    """Points or signals, their field and the notes."""
    samples, field = as_kind(path, array, kind)
    check_finite(path, samples)
    return samples, field, {"recognised": f"{field}; another kind is asked for with --data.kind"}


def _images(path: Path | str, array: np.ndarray, options: DataOptions) -> tuple[np.ndarray, Field, dict[str, Any]]:
    """Images [N, C, H, W], uint8 or uint16, their field and the notes."""
    images, notes = _plain_images(path, array, options)
    images = _reshaped(images, options)
    field = _field(images)
    if not options.range:
        notes |= of_values(images, field.bits)
    return images.transpose(0, 3, 1, 2), field, notes


def _plain_images(path: Path | str, array: np.ndarray, options: DataOptions) -> tuple[np.ndarray, dict[str, Any]]:
    """Images [N, H, W, C], uint8 or uint16, of the file's own size and channels, and the notes."""
    notes: dict[str, Any] = {"recognised": "images"}
    images, notes["layout"] = _channels_last(path, array, options.channels_of())
    if options.range:
        images, range_notes = _in_range(path, images, options.range)
        notes |= range_notes
    else:
        images, notes["range"] = _whole_numbers(path, images, array.ndim)
    return images, notes


def _field(images: np.ndarray) -> Field:
    """Of images [N, H, W, C]."""
    height, width, channels = images.shape[1:]
    return Field("image", (channels, height, width), bits=8 * images.dtype.itemsize)


def _channels_last(path: Path | str, images: np.ndarray, channels: int | None) -> tuple[np.ndarray, str]:
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


def _whole_numbers(path: Path | str, images: np.ndarray, axes: int) -> tuple[np.ndarray, str]:
    """uint8 or uint16, and the range that was found: floats become 16 bits, or 8 where those say the same."""
    if images.dtype in (np.uint8, np.uint16):
        return images, f"0 to {np.iinfo(images.dtype).max}"
    otherwise = "; signals [N, C, T] of any numbers are asked for with --data.kind signal" if axes == 3 else ""
    if images.dtype.kind != "f":
        raise UsageError(
            f"{path} holds {images.dtype}; images are uint8, uint16, or floats in [0, 1] or [-1, 1], or numbers of "
            f"which data.range gives the lowest and the highest{otherwise}"
        )
    low, high = float(images.min()), float(images.max())
    if np.isnan(low):
        broken = int(np.isnan(images).reshape(len(images), -1).any(1).sum())
        raise UsageError(f"{path} holds NaN, in {broken:,} of {len(images):,} images; leave these out")
    if not -1 <= low <= high <= 1:
        raise UsageError(
            f"{path} holds floats from {low:g} to {high:g}; of images they must lie in [0, 1] or [-1, 1], or in the "
            f"range that is given with --data.range LOW,HIGH{otherwise}"
        )
    whole = all(np.abs(unit * 255 - np.rint(unit * 255)).max() < 1e-3 for _, unit in _units(images, low))
    kind, levels = (np.uint8, 255) if whole else (np.uint16, 65535)
    check_fits(images.size * np.dtype(kind).itemsize, f"the images in {path}")
    made = np.empty(images.shape, kind)
    for part, unit in _units(images, low):
        made[part] = np.rint(unit * levels)
    return made, "[0, 1] assumed" if low >= 0 else "[-1, 1] assumed"


def _units(images: np.ndarray, low: float) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Some images at a time, their places and their values from 0 to 1."""
    rows = max(_BLOCK // images[0].size, 1)
    for start in range(0, len(images), rows):
        values = np.asarray(images[start : start + rows], np.float64)
        yield slice(start, start + rows), values if low >= 0 else (values + 1) / 2


def _in_range(path: Path | str, images: np.ndarray, limits: Range) -> tuple[np.ndarray, dict[str, str]]:
    """Numbers of any type as uint8 if they are that, else as uint16; how many were clipped, and are all dark?"""
    if images.dtype.kind not in "fiu":
        raise UsageError(f"{path} holds {images.dtype}; data.range is for numbers: floats or whole ones")
    bits, outside, highest = 8 if images.dtype == np.uint8 else 16, 0, -math.inf
    check_fits(images.size * bits // 8, f"the images in {path}")
    taken = np.empty(images.shape, np.uint8 if bits == 8 else np.uint16)
    for row, image in zip(taken, images, strict=True):
        if not np.isfinite(image).all():
            raise UsageError(f"{path} has NaN or infinite numbers, which are no brightness; leave those images out")
        row[:] = ranged(np.asarray(image), limits, bits)
        outside += int(((image < limits[0]) | (image > limits[1])).sum())
        highest = max(highest, float(image.max()))
    clipped = f"; {share(outside, images.size)} of the values lie outside, and are clipped" if outside else ""
    notes = {"range": f"{limits[0]:g} to {limits[1]:g} asked for{clipped}"}
    words = dark(highest, bits, limits)
    return taken, notes | ({"values": words} if words else {})


def _reshaped(images: np.ndarray, options: DataOptions) -> np.ndarray:
    """[N, H, W, C] with the channels and the size asked for."""
    channels, (height, width) = (
        options.channels_of() or images.shape[3],
        brought(images.shape[1], images.shape[2], options),
    )
    shape = (len(images), height, width, channels)
    if shape == images.shape:
        return images
    background = colour(options.background)
    check_fits(math.prod(shape) * images.itemsize, f"{len(images):,} images of {height}×{width} pixels")
    made = np.empty(shape, images.dtype)
    for row, image in zip(made, images, strict=True):
        row[:] = fitted(with_channels(image, channels), height, width, options.fit, background)
    return made


def _checked(path: Path | str, labels: np.ndarray, n: int, names: Sequence[str] = ()) -> tuple[str, ...]:
    """The names of the classes, their numbers unless they have some.

    Raises UsageError for labels that are not one number from 0 for every image.
    """
    if labels.shape != (n,) or labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= MOST_CLASSES:
        raise UsageError(
            f"{path} has labels of type {labels.dtype} and shape {labels.shape}; "
            f"{n} samples take {n} whole numbers from 0 to below {MOST_CLASSES:,}"
        )
    if names and int(labels.max()) >= len(names):
        raise UsageError(f"{path} has the label {int(labels.max())}, and names of {len(names)} classes, from 0 on")
    return tuple(names) or tuple(str(i) for i in range(int(labels.max()) + 1))


def _split(samples: np.ndarray, labels: np.ndarray | None, rows: NDArray[np.int64]) -> Split | None:
    columns: dict[str, Column] = {"image": Rows(samples, rows)}
    if labels is not None:
        columns["label"] = labels[rows].astype(np.int64)
    return Split(columns) if len(rows) else None
