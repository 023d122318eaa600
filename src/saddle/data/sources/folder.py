"""folder:PATH: the images in a folder and its sub-folders (PNG, JPEG, WEBP, GIF, BMP, TIFF; 8 and 16 bits)."""

import hashlib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import PIL
from numpy.typing import NDArray

from ...base.errors import UsageError
from ...spec import Condition, DataSpec
from ..cache import Prepared, in_parallel, prepare
from ..decode import Header, Unreadable, colour, fitted, header, pixels, with_bits, with_channels
from ..files import SUFFIXES, Bad, Found, bad_lines, counted, listing, scan
from ..fingerprint import fingerprint, hold_out
from ..options import DataOptions
from ..tables import Told, read_labels

if TYPE_CHECKING:  # torch is loaded at the end, for a mistake in the folder should show at once
    from ..source import Source

VERSION = 1  # of what is kept in the cache: another number, and everything is decoded anew


Readable = tuple[Prepared, NDArray[np.int64], list[str], tuple[int, int, int], int, dict[str, object]]


def open(options: DataOptions, place: str) -> "Source":
    """The folder, decoded once into the cache. Raises UsageError for a folder that cannot be trained on as it is."""
    found = found_in(Path(place).expanduser())
    told = read_labels(options.label_file, found.root, names_in(found)) if options.label_file else None
    ready, good, names, shape, bits, notes = readable(options, found)
    if options.labels and not told:
        told = _sub_folders(names)
    return _source(options, ready, good, names, told, shape, bits, notes)


def readable(options: DataOptions, found: Found) -> Readable:
    """What the cache holds of the folder, which of its rows can be read and the names of these, shape, bits, notes."""
    background = colour(options.background)
    headers, marks = _survey(found, options)
    if not headers:
        raise UsageError(_bad_message(found, found.bad))
    shape, bits = _shape(list(headers.values()), background, options)
    paths = list(headers)

    def image(i: int) -> np.ndarray:
        picture = pixels(found.root / paths[i], background, options.max_megapixels)
        upright = fitted(with_bits(with_channels(picture, shape[0]), bits), *shape[1:])
        return upright.transpose(2, 0, 1)

    key = fingerprint(VERSION, PIL.__version__, list(zip(paths, marks, strict=True)), shape, bits, background)
    dtype = np.uint16 if bits == 16 else np.uint8
    ready = prepare(options.cache_folder / "folder", key[:32], len(paths), shape, dtype, image)
    bad = sorted(found.bad + [(paths[row], reason) for row, reason in ready.bad.items()])
    if bad and not options.skip_bad:
        raise UsageError(_bad_message(found, bad))
    good = np.array([row for row in range(len(paths)) if row not in ready.bad], np.int64)
    if len(good) < 2:
        raise UsageError(
            f"only {len(good)} image in {found.root} can be read; to train takes many, at the very least 2"
        )
    notes = {"files": len(good), "skipped": len(bad), "ignored": dict(found.ignored)}
    return ready, good, [paths[row] for row in good], shape, bits, notes


def found_in(root: Path) -> Found:
    """The images in a folder. Raises UsageError if there is no such folder or nothing in it."""
    if not root.exists():
        raise UsageError(f"there is no folder {root}")
    if not root.is_dir():
        raise UsageError(f"{root} is a file; folder: takes a folder, array: an .npy or .npz file")
    found = scan(root)
    if not found.images and not found.bad:
        others = f"; it holds {counted(found.ignored)}" if found.ignored else ", which is empty"
        raise UsageError(f"no images in {root}{others} (looked for {', '.join(SUFFIXES)})")
    return found


def _survey(found: Found, options: DataOptions) -> tuple[dict[str, Header], list[str]]:
    """The headers by path and the SHA-256 of the files, of those whose header can be read; the others are now bad."""

    def look(i: int) -> tuple[Header, str] | str:
        path = found.root / found.images[i]
        try:
            head = header(path, options.max_megapixels)
            with path.open("rb") as file:
                return head, hashlib.file_digest(file, "sha256").hexdigest()
        except Unreadable as error:
            return str(error)

    headers, marks = {}, []
    for path, seen in zip(found.images, in_parallel(look, len(found.images)), strict=True):
        if isinstance(seen, str):
            found.bad.append((path, seen))
        else:
            headers[path] = seen[0]
            marks.append(seen[1])
    return headers, marks


def _shape(
    headers: list[Header], background: tuple[int, ...], options: DataOptions
) -> tuple[tuple[int, int, int], int]:
    """(C, H, W) and bits of the images to make. Raises UsageError if the sizes differ and none was asked for."""
    sizes = Counter((head.height, head.width) for head in headers)
    if len(sizes) > 1 and options.sides is None:
        heights, widths = zip(*sizes, strict=True)
        smallest, (height, width) = min(map(min, sizes)), sizes.most_common(1)[0][0]
        raise UsageError(
            f"the images have {len(sizes)} different sizes: widths {min(widths)} to {max(widths)}, heights "
            f"{min(heights)} to {max(heights)}, most often {width}×{height}. Ask for one size, which resizes and crops "
            f"to the centre: --data.size {smallest} (the shortest side of all), or any other"
        )
    if options.channels not in (None, 1, 3):
        raise UsageError(f"data.channels is {options.channels}; a folder gives 1 or 3, array:FILE.npy any number")
    tinted = len(set(background)) > 1
    coloured = any(head.colour or (head.transparent and tinted) for head in headers)
    height, width = options.sides or next(iter(sizes))
    return (options.channels or (3 if coloured else 1), height, width), max(head.bits for head in headers)


def _bad_message(found: Found, bad: Bad) -> str:
    files = {*found.images, *(path for path, _ in bad)}
    return (
        f"{len(bad):,} of {len(files):,} files in {found.root} cannot be read:\n"
        f"{listing(bad_lines(bad))}\nRepair or remove them, or leave them out with --data.skip_bad true"
    )


def _source(
    options: DataOptions,
    ready: Prepared,
    good: NDArray[np.int64],
    names: list[str],
    told: Told | None,
    shape: tuple[int, int, int],
    bits: int,
    notes: dict[str, object],
) -> "Source":
    from ..labels import learned
    from ..source import Rows, Source, Split

    places = hold_out(ready.digests[good], options.heldout)
    spec, labels = DataSpec.of(shape, bits=bits), None
    if told:
        spec = DataSpec.of(shape, ("image", "label"), bits=bits, condition=told.condition)
        spec, labels = learned(spec, told.of(names), places[0], options.labelled)
    elif options.labelled:
        raise UsageError("data.labelled keeps some of the labels, and these images have none; give data.labels too")
    parts = []
    for rows in places:
        columns: dict[str, object] = {"image": Rows(ready.images, good[rows])}
        if labels is not None:
            columns["label"] = labels[rows]
        parts.append(Split(columns) if len(rows) else None)  # type: ignore[arg-type]
    train, heldout = parts
    unsaid = [spec.condition] if spec.condition and not spec.classes else []  # by the repr of the spec
    mark = fingerprint(ready.digests[good], spec, labels, options.heldout, *unsaid)
    assert train is not None  # hold_out leaves the larger part
    return Source(options.source, spec, train, heldout, mark, notes)


def names_in(found: Found) -> list[str]:
    """Of all images, those that cannot be read too."""
    return [*found.images, *(path for path, _ in found.bad)]


def _sub_folders(paths: list[str]) -> Told:
    """The names of the first sub-folders as classes, in order."""
    loose = [path for path in paths if "/" not in path]
    if loose:
        raise UsageError(
            f"data.labels takes the sub-folder's name as the label, but {len(loose):,} images lie in none "
            f"(such as {loose[0]}); move them into sub-folders, or leave data.labels out"
        )
    classes = {path: path.partition("/")[0] for path in paths}
    order = {name: i for i, name in enumerate(sorted(set(classes.values())))}
    return Told(Condition("class", tuple(order)), {path: order[name] for path, name in classes.items()})
