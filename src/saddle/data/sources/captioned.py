"""captioned:PATH: the images of a folder and their captions in its CSV or JSONL file: columns file and caption

PATH is that file, or the folder that it lies in. An image with several captions has as many lines; each time it is
drawn one of them comes with it.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...base.errors import UsageError, some
from ...spec import Condition, DataSpec, Field
from ...spec.text import condition_of, packed, words
from ..files import Files, listing, page_of
from ..fingerprint import fingerprint, hold_out, shrunk
from ..legacy import earlier
from ..options import DataOptions
from ..tables import by_name, file_column, image_named, records
from . import folder

if TYPE_CHECKING:
    from ..source import Column, Source

SUFFIXES = (".csv", ".jsonl")
COLUMN = "caption"


def open(options: DataOptions, path: str) -> "Source":
    """Keys image and caption. UsageError for images without captions, captions without images, unreadable files."""
    table, files, captions = _files_and_captions(options, path)
    images = folder.readable(options, files)
    given = _of_pages(images.names, captions)
    captioned = images.only(_captioned(options, table, images.names, given))
    silent = len(images.names) - len(captioned.names)
    captioned.notes.update({"captions": sum(map(len, captions.values())), "without a caption": silent})
    return _source(options, captioned, [given[name] for name in captioned.names])


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, from the headers of the images and their captions: nothing is decoded, and nothing kept."""
    table, files, captions = _files_and_captions(options, path)
    names, field = folder.described(options, files)
    captions = _of_pages(names, captions)
    texts = [text for i in _captioned(options, table, names, captions) for text in captions[names[i]]]
    condition = condition_of(texts)
    return _spec(field, condition, packed(texts, condition.length))


def _files_and_captions(options: DataOptions, path: str) -> tuple[Path, Files, dict[str, list[str]]]:
    """The file of captions, the files beside it, and the captions by image."""
    options.allow(*folder.TAKES, "pages")
    table = table_in(Path(path).expanduser())
    files = folder.files_in(table.parent)
    return table, files, captions_in(table, folder.names_in(files))


def _of_pages(names: list[str], captions: dict[str, list[str]]) -> dict[str, list[str]]:
    """The captions of these images: every page of a file has the file's."""
    return {name: captions[page_of(name)[0]] for name in names if page_of(name)[0] in captions}


def _captioned(options: DataOptions, table: Path, names: list[str], captions: dict[str, list[str]]) -> list[int]:
    """The places of the images that have captions. UsageError where others may not be left out, or too few are left."""
    silent = [name for name in names if name not in captions]
    if silent and not options.skip_bad:
        raise UsageError(
            f"{len(silent):,} of {len(names):,} images have no caption in {table}:\n{listing(silent)}\n"
            "Give them captions, or leave them out with --data.skip_bad true"
        )
    kept = [i for i, name in enumerate(names) if name in captions]
    if len(kept) < 2:
        raise UsageError(f"{table} has captions of {len(kept)} image; to train takes many, at the very least 2")
    return kept


def table_in(path: Path) -> Path:
    """The file with the captions: `path`, or the only one in that folder. UsageError if there is none, or a choice."""
    if not path.exists():
        raise UsageError(f"there is no {path}; captioned: takes a folder of images with a .csv or .jsonl file")
    if not path.is_file() and not path.is_dir():
        raise UsageError(f"{path} is neither a file nor a folder, such as a pipe")
    if path.is_file() and path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path} is neither a .csv nor a .jsonl file")
    tables = [path] if path.is_file() else sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES)
    if not tables:
        raise UsageError(f"{path} holds no .csv or .jsonl file with the captions: columns file and caption")
    if len(tables) > 1:
        names = some(table.name for table in tables)
        raise UsageError(f"{path} holds {names}; name the one with the captions: captioned:{tables[0]}")
    return tables[0]


def captions_in(table: Path, names: list[str]) -> dict[str, list[str]]:
    """The captions of these images, in order. UsageError, with its number, for a line that is amiss."""
    lines = records(table)
    key, columns = file_column(table, lines)
    if COLUMN not in columns:
        raise UsageError(f"{table} has no column {COLUMN}; beside {key} it has {some(columns) or 'none'}")
    image_names = by_name(names)
    captions: dict[str, list[str]] = {}
    for number, cells in lines:
        name = image_named(cells[key], image_names, f"{table}, line {number}")
        if not words(cells[COLUMN]) or "\0" in cells[COLUMN]:
            raise UsageError(f"{table}, line {number}: the caption {cells[COLUMN]!r} has no words, or a zero byte")
        captions.setdefault(name, []).append(cells[COLUMN])
    return captions


def _source(options: DataOptions, images: folder.DecodedFolder, captions: list[list[str]]) -> "Source":
    from ..source import ANY_IMAGES, Several, Source, Split

    condition = condition_of(text for texts in captions for text in texts)
    images.notes.update(shrunk(images.digests, options.heldout, images.names))
    parts = []
    for chosen in hold_out(images.digests, options.heldout):
        texts = [captions[i] for i in chosen]
        values = packed([text for each in texts for text in each], condition.length).astype(np.uint8)
        starts = np.cumsum([0, *map(len, texts)])
        columns: dict[str, Column] = {"image": images.column(chosen), "caption": Several(values, starts)}
        parts.append(Split(columns) if len(chosen) else None)
    train, heldout = parts
    assert train is not None  # hold_out leaves the larger part
    values = train.columns["caption"].values  # type: ignore[attr-defined]
    spec = _spec(images.field, condition, values)
    mark = fingerprint(images.digests, spec.identity(), captions, options.heldout, *images.units)
    before = earlier(images.digests, spec, captions, options.heldout)
    return Source(options.source, spec, train, heldout, mark, images.notes, ANY_IMAGES, before)


def _spec(field: Field, condition: Condition, texts: np.ndarray) -> DataSpec:
    """Of images and of captions [M, L], each with its own frequency."""
    import torch

    from ...spec.conditions import distribution

    shares = distribution(condition, torch.from_numpy(texts).long())
    return DataSpec({"image": field, "caption": condition.field}, distribution=shares)
