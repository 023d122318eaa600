"""folder:PATH: the images in a folder and its sub-folders (PNG, JPEG, WEBP, GIF, BMP, TIFF; 8 and 16 bits)."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import PIL
from numpy.typing import NDArray

from ...base.errors import UsageError, some
from ...spec import DataSpec, Field
from ..advice import sizes_differ
from ..brightness import of_files
from ..cache import Prepared, in_parallel, prepare
from ..decode import Header, Unreadable, colour, header, in_order, sample, unchanged
from ..files import Bad, Files, bad_lines, count, listing, looked_for, page_of, scan
from ..fingerprint import fingerprint, hold_out, picked, shrunk
from ..legacy import earlier
from ..notes import NAMED, idle_limit, of_headers
from ..options import AUGMENTATIONS, DataOptions, units
from ..ragged import Ragged
from ..sizes import brought, check_pieces, dealt, shapes, smaller
from ..survey import glance, survey
from ..tables import Labels, by_folder, read_labels

if TYPE_CHECKING:  # torch is loaded at the end, for a mistake in the folder should show at once
    from ..source import Column, Source

TAKES = (
    *("size", "load", "crop", "fit", "channels", "range", *AUGMENTATIONS, "background"),
    *("limit", "skip_bad", "heldout", "max_megapixels"),
)  # settings of how images are read and changed
VERSION = 1  # of what is kept in the cache: another number, and everything is decoded anew


@dataclass(frozen=True)
class DecodedFolder:
    """The images of a folder, as the cache holds them, of which `rows` are for training and for scores."""

    prepared: Prepared
    rows: NDArray[np.int64]
    names: list[str]  # of these rows: paths below the folder
    field: Field
    notes: dict[str, object]  # for people
    units: tuple[object, ...] = ()  # what else makes them other data: the range that was asked for

    @property
    def digests(self) -> NDArray[np.uint8]:
        """Of the images, [N, 32]."""
        return self.prepared.digests[self.rows]

    def only(self, chosen: list[int]) -> "DecodedFolder":
        """Some of them, by their places among them."""
        return replace(self, rows=self.rows[chosen], names=[self.names[i] for i in chosen])

    def column(self, chosen: NDArray[np.int64]) -> "Column":
        """Some of them, by their places among them, to draw from."""
        from ..source import Cropped, Rows

        images, rows = self.prepared.images, self.rows[chosen]
        if not self.field.free:
            assert isinstance(images, np.ndarray)  # all of one size
            return Rows(images, rows)
        _, height, width = self.field.shape
        return Cropped(images if isinstance(images, Ragged) else Ragged.like(images), rows, (height, width))


def open(options: DataOptions, path: str) -> "Source":
    """The folder, decoded once into the cache. Raises UsageError for a folder that cannot be trained on as it is."""
    files, table = _files_and_labels(options, path)
    images = readable(options, files)
    return _source(options, images, by_folder(images.names) if options.labels and not table else table)


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, from the headers alone: nothing is decoded, and nothing kept."""
    files, table = _files_and_labels(options, path)
    names, field = described(options, files)
    table = by_folder(names) if options.labels and not table else table
    return _labelled(options, field, table, names, np.arange(len(names)))[0]


def _files_and_labels(options: DataOptions, path: str) -> tuple[Files, Labels | None]:
    """The files of a folder, and what the file of labels says of them if one was named."""
    files = files_in(Path(path).expanduser())
    options.allow(*TAKES, "pages", "labels", "labelled", "labelled_share")
    return files, read_labels(options.label_file, files.root, names_in(files)) if options.label_file else None


def described(options: DataOptions, files: Files) -> tuple[list[str], Field]:
    """The names and the field of the images, from the headers of the files. Damaged ones are left to `readable`."""
    headers = taken(files, options)
    field = _checked(options, files, headers)
    small = smaller(headers, options)
    return _good(files, [path for path in headers if path not in small], small), field


def readable(options: DataOptions, files: Files) -> DecodedFolder:
    """What the cache holds of the folder. UsageError for files that cannot be read or are smaller than the piece."""
    found, sums = survey(_limited_files(files, options), options)
    headers, mark = _pages(files, found, options), dict(zip(found, sums, strict=True))
    field = _checked(options, files, headers)
    paths = list(headers)
    of_file = [page_of(path)[0] for path in paths]
    channels = field.shape[0]
    kept = [brought(head.height, head.width, options) for head in headers.values()]

    def image(i: int) -> np.ndarray:
        file, page = page_of(paths[i])
        sides = kept[i] if options.crop is None else None
        picture = sample(files.root / file, options, channels, field.bits, sides, page)
        return unchanged(picture, kept[i]).transpose(2, 0, 1)

    dtype = np.uint16 if field.bits == 16 else np.uint8
    key = _key(headers, [mark[file] for file in of_file], field, options)
    shaped = shapes(channels, kept, options)
    prepared = prepare(options.cache_folder / "folder", key, of_file, shaped, dtype, image)
    bad = sorted(files.bad + [(paths[row], reason) for row, reason in prepared.bad.items()])
    if bad and not options.skip_bad:
        raise UsageError(_bad_message(files, bad))
    small = smaller(headers, options)
    good = [row for row, path in enumerate(paths) if row not in prepared.bad and path not in small]
    names = _good(files, [paths[row] for row in good], small)
    used = {name: headers[name] for name in names}
    notes = _notes(files, used, [*{**dict(bad), **small}], options)
    row_of = {paths[row]: row for row in good}
    notes |= of_files(files.root, used, field.bits, options, lambda name: prepared.images[row_of[name]])
    return DecodedFolder(prepared, np.array(good, np.int64), names, field, notes, units(options))


def _notes(files: Files, used: Mapping[str, Header], skipped: list[str], options: DataOptions) -> dict[str, object]:
    """What a person should know of these images, which are used, and of the files that are left out."""
    said = f"{count(len(skipped), 'file')} left out: {some(skipped, NAMED)}" if skipped else 0
    notes: dict[str, object] = {"files": len(used), "skipped": said, "ignored": dict(files.ignored)}
    return notes | idle_limit(len(used) + len(skipped), options) | of_headers(used, options)


def _checked(options: DataOptions, files: Files, headers: Mapping[str, Header]) -> Field:
    """Of the images to make. UsageError where the headers say that there can be none."""
    if not headers:
        raise UsageError(_bad_message(files, files.bad))
    field = _field(headers, colour(options.background), options)
    check_pieces(headers, options)
    return field


def _good(files: Files, names: list[str], small: Mapping[str, str]) -> list[str]:
    """These names. UsageError if they are too few to train on."""
    if len(names) < 2:
        what = "can be read and is large enough" if small else "can be read"
        raise UsageError(f"only {len(names)} image in {files.root} {what}; to train takes many, at the very least 2")
    return names


def taken(files: Files, options: DataOptions) -> dict[str, Header]:
    """The headers of the images that these settings take, by name; what cannot be read is now bad."""
    return _pages(files, glance(_limited_files(files, options), options), options)


def _limited_files(files: Files, options: DataOptions) -> Files:
    """Those that data.limit leaves, by their names alone: the others need not be opened."""
    return files if options.pages == "all" else replace(files, images=_limited(files.images, options))


def _limited(names: list[str], options: DataOptions) -> list[str]:
    return [names[i] for i in picked([*map(os.fsencode, names)], options.limit)]


def _pages(files: Files, headers: dict[str, Header], options: DataOptions) -> dict[str, Header]:
    """The same with every page of every file, as scan.tif, scan.tif#2, …, if they are asked for; bad ones are named."""
    if options.pages == "first":
        return headers
    several = [path for path, head in headers.items() if head.pages > 1]

    def further(i: int) -> dict[str, Header | str]:
        with in_order():
            return {
                f"{several[i]}#{page + 1}": _page(files.root / several[i], page, options)
                for page in range(1, headers[several[i]].pages)
            }

    found = dict(zip(several, in_parallel(further, len(several)), strict=True))
    files.bad += [(name, seen) for pages in found.values() for name, seen in pages.items() if isinstance(seen, str)]
    paged = {
        name: seen for path, head in headers.items() for name, seen in ({path: head} | found.get(path, {})).items()
    }
    good = {name: seen for name, seen in paged.items() if not isinstance(seen, str)}
    return {name: good[name] for name in _limited(list(good), options)}


def _page(path: Path, page: int, options: DataOptions) -> Header | str:
    """The header of a page, or why it cannot be read."""
    try:
        return header(path, options.max_megapixels, page, options.range is not None)
    except Unreadable as error:
        return str(error)


def _key(headers: Mapping[str, Header], marks: list[str], field: Field, options: DataOptions) -> str:
    """Under which the cache keeps these images: all that shapes them, whatever the piece, which is cut when drawn."""
    files = list(zip(headers, marks, strict=True))
    kept = (field.shape[0], "free" if options.loaded is None else options.loaded) if field.free else field.shape
    background = colour(options.background)
    return fingerprint(VERSION, PIL.__version__, files, kept, field.bits, background, *_shaping(headers, options))[:32]


def _shaping(headers: Mapping[str, Header], options: DataOptions) -> list[object]:
    """What else shapes the images: nothing, where all is as it was before there were these settings."""
    asked = {name: getattr(options, name) for name in ("fit", "range")}
    given = [(name, value) for name, value in asked.items() if value not in ("crop", None)]
    corrected = [name for name, head in headers.items() if head.corrected]
    return [*given, *([("corrected", corrected)] if corrected else [])]


def files_in(root: Path) -> Files:
    """The images in a folder. Raises UsageError if there is no such folder or nothing in it."""
    if not root.exists():
        raise UsageError(f"there is no folder {root}")
    if not root.is_dir():
        raise UsageError(f"{root} is a file; folder: takes a folder, array: an .npy or .npz file")
    files = scan(root)
    if not files.images and not files.bad:
        raise UsageError(f"no images in {root}{looked_for(files.ignored)}")
    return files


def _field(heads: Mapping[str, Header], background: tuple[int, ...], options: DataOptions) -> Field:
    """Of the images to make. Raises UsageError if the sizes differ and none was asked for."""
    headers = list(heads.values())
    if options.loaded is None and not options.cuts and len({(head.height, head.width) for head in headers}) > 1:
        raise UsageError(sizes_differ(heads))
    if options.channels_of() not in (None, 1, 3, 4):
        raise UsageError(f"data.channels is {options.channels}; a folder gives 1, 3 or 4, array:FILE.npy any number")
    tinted = len(set(background)) > 1
    coloured = any(head.colour or (head.transparent and tinted) for head in headers)
    kept = {name: brought(head.height, head.width, options) for name, head in heads.items()}
    shape = (options.channels_of() or (3 if coloured else 1), *dealt(kept, options))
    return Field("image", shape, bits=max(head.bits for head in headers), free=options.cuts)


def _bad_message(files: Files, bad: Bad) -> str:
    names = {*files.images, *(path for path, _ in bad)}
    return (
        f"{len(bad):,} of {len(names):,} files in {files.root} cannot be read:\n"
        f"{listing(bad_lines(bad))}\nRepair or remove them, or leave them out with --data.skip_bad true"
    )


def _source(options: DataOptions, images: DecodedFolder, table: Labels | None) -> "Source":
    from ..labels import remarks
    from ..source import ANY_IMAGES, Source, Split

    places = hold_out(images.digests, options.heldout)
    images.notes.update(shrunk(images.digests, options.heldout, images.names))
    spec, labels = _labelled(options, images.field, table, images.names, places[0])
    if table and labels is not None:
        images.notes.update(remarks(table.condition, labels[places[0]]))
    parts = []
    for chosen in places:
        columns: dict[str, Column] = {"image": images.column(chosen)}
        if labels is not None:
            columns["label"] = labels[chosen]
        parts.append(Split(columns) if len(chosen) else None)
    train, heldout = parts
    assert train is not None  # hold_out leaves the larger part
    mark = fingerprint(images.digests, spec.identity(), labels, options.heldout, *images.units)
    before = earlier(images.digests, spec, labels, options.heldout)
    return Source(options.source, spec, train, heldout, mark, images.notes, ANY_IMAGES, before)


def _labelled(
    options: DataOptions, field: Field, table: Labels | None, names: list[str], rows: NDArray[np.int64]
) -> tuple[DataSpec, np.ndarray | None]:
    """The spec of images of these names, of which `rows` are trained on, and their labels if there are any."""
    if table:
        from ..labels import learned

        spec = DataSpec({"image": field, "label": table.condition.field})
        return learned(spec, table.of([page_of(name)[0] for name in names]), rows, options.labelled)
    if options.labelled:
        raise UsageError("data.labelled keeps some of the labels, and these images have none; give data.labels too")
    return DataSpec({"image": field}), None


def names_in(files: Files) -> list[str]:
    """Of all images, those that cannot be read too."""
    return [*files.images, *(path for path, _ in files.bad)]
