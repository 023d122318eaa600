"""captioned:PATH: the images of a folder and their captions in its CSV or JSONL file: columns file and caption

PATH is that file, or the folder that it lies in. An image with several captions has as many lines; each time it is
drawn one of them comes with it.
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...base.errors import UsageError, some
from ...spec import DataSpec
from ...spec.text import condition_of, packed, words
from ..files import listing
from ..fingerprint import fingerprint, hold_out
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
    options.allow(*folder.TAKES)
    table = table_in(Path(path).expanduser())
    files = folder.files_in(table.parent)
    captions = captions_in(table, folder.names_in(files))
    images = folder.readable(options, files)
    silent = [name for name in images.names if name not in captions]
    if silent and not options.skip_bad:
        raise UsageError(
            f"{len(silent):,} of {len(images.names):,} images have no caption in {table}:\n{listing(silent)}\n"
            "Give them captions, or leave them out with --data.skip_bad true"
        )
    captioned = images.only([i for i, name in enumerate(images.names) if name in captions])
    if len(captioned.names) < 2:
        raise UsageError(
            f"{table} has captions of {len(captioned.names)} image; to train takes many, at the very least 2"
        )
    captioned.notes.update({"captions": sum(map(len, captions.values())), "without a caption": len(silent)})
    return _source(options, captioned, [captions[name] for name in captioned.names])


def table_in(path: Path) -> Path:
    """The file with the captions: `path`, or the only one in that folder. UsageError if there is none, or a choice."""
    if not path.exists():
        raise UsageError(f"there is no {path}; captioned: takes a folder of images with a .csv or .jsonl file")
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
    import torch

    from ...spec.conditions import distribution
    from ..source import Several, Source, Split

    condition = condition_of(text for texts in captions for text in texts)
    spec = DataSpec({"image": images.field, "caption": condition.field})
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
    spec = replace(spec, distribution=distribution(condition, torch.from_numpy(values).long()))
    mark = fingerprint(images.digests, spec.identity(), captions, options.heldout)
    before = earlier(images.digests, spec, captions, options.heldout)
    return Source(options.source, spec, train, heldout, mark, images.notes, earlier=before)
