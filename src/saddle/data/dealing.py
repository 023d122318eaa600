"""The source of a table of decoded images: what is trained on, what is held out, what a person should know of them."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..base.errors import some
from .decode import Header
from .files import Unusable, count, counted, listing
from .fingerprint import digests, fingerprint, hold_out
from .keyed import Images, Table, own_options, spec_with, unusable
from .notes import NAMED, idle_limit
from .options import DataOptions, units
from .pairing import twins
from .ragged import Ragged
from .readers import Decoded
from .source import Column, Cropped, Flat, Rows, Source, Split

Places = NDArray[np.int64]
Parts = dict[str, tuple[Places, Places]]  # by key the rows to train on and those held out


def source(images: Images) -> Source:
    """Of these images. UsageError for domains that share images, and for too few images that can be decoded."""
    seen = images.laid
    options, table = seen.options, seen.table
    left_out, rows = dict(images.bad) | dict(seen.left_out), _rows(images)
    if not table.paired:
        rows = _apart(images, rows, left_out)
    _check_many(table, rows, left_out)
    parts, spec = _parts(images, rows), spec_with(seen)
    train, heldout = (_split(images, parts, which) for which in (0, 1))
    labels = [column[:] for key, column in train.columns.items() if key not in table.keys]
    held = "parted" if table.parted else options.heldout
    marks = [images.prepared[key].digests[part] for key in table.keys for part in parts[key]]
    fields = {key: replace(each, title="") for key, each in spec.fields.items() if key in table.keys}
    bare = replace(spec, fields=fields, domains=() if table.paired else tuple((key,) for key in table.keys))
    mark = fingerprint(*marks, bare.identity(), *labels, held, *units(options))  # a folder may get another name
    notes = _notes(images, parts, left_out)
    return Source(options.source, spec, train, heldout if len(heldout) else None, mark, notes)


def _rows(images: Images) -> dict[str, Places]:
    """By key the rows that could be decoded."""
    table = images.laid.table
    good = {
        key: np.array([row not in images.prepared[key].bad for row in range(len(each.names))], bool)
        for key, each in table.keys.items()
    }
    if table.paired:
        good = dict.fromkeys(good, np.asarray(np.stack([*good.values()]).all(0)))
    return {key: np.flatnonzero(mask) for key, mask in good.items()}


def _apart(images: Images, rows: dict[str, Places], left_out: dict[str, str]) -> dict[str, Places]:
    """Rows of unpaired domains of which none is in two of them. UsageError, unless these may be left out."""
    table = images.laid.table
    found = twins({key: _shown(images, key, places) for key, places in rows.items()})
    names = [
        tuple(table.keys[key].names[rows[key][row]] for key, row in both) for both in found
    ]  # fmt: skip
    same = {name: f"the same pixels as {twin}" for both in names for name, twin in (both, both[::-1])}
    if found and not images.laid.options.skip_bad:
        raise Unusable(
            f"{count(len(found), 'image')} in two domains: the same pixels, so nothing is learned of their difference\n"
            f"{listing([f'{one} = {other}' for one, other in names])}\n"
            "Remove them from one domain, or leave them out of both with --data.skip_bad true",
            same,
        )
    left_out |= same
    return {key: places[[table.keys[key].names[row] not in left_out for row in places]] for key, places in rows.items()}


def _shown(images: Images, key: str, places: Places) -> NDArray[np.uint8]:
    """Digests of images [N, 32]: of grey ones as colour where another domain has colours, for they look the same."""
    prepared, fields = images.prepared[key], images.laid.fields
    most = max(field.shape[0] for field in fields.values())
    if fields[key].shape[0] != 1 or most < 3:
        return prepared.digests[places]
    return digests(np.repeat(np.asarray(prepared.images[row]), 3, 0) for row in places)


def _check_many(table: Table, rows: Mapping[str, Places], left_out: Mapping[str, str]) -> None:
    if any((places < len(table.keys[key].train)).sum() < 2 for key, places in rows.items()):
        raise unusable(table, left_out)


def _parts(images: Images, rows: dict[str, Places]) -> Parts:
    """What is trained on and what is held out: as the folders say, or a share by digest, of pairs as a whole."""
    table, share = images.laid.table, images.laid.options.heldout
    if table.parted:
        ends = {key: len(each.train) for key, each in table.keys.items()}
        return {key: (places[places < ends[key]], places[places >= ends[key]]) for key, places in rows.items()}
    marks = {key: images.prepared[key].digests[places] for key, places in rows.items()}
    if table.paired:
        marks = dict.fromkeys(marks, _together([*marks.values()]))
    parts = {key: hold_out(marks[key], share) for key in rows}
    if not all(len(held) for _, held in parts.values()):  # a domain has too few: then there is nothing to compare with
        return {key: (places, places[:0]) for key, places in rows.items()}
    return {key: (places[parts[key][0]], places[parts[key][1]]) for key, places in rows.items()}


def _together(marks: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """One digest for each pair, [N, 32]."""
    joined = (hashlib.sha256(row.tobytes()).digest() for row in np.concatenate(marks, 1))
    return np.frombuffer(b"".join(joined), np.uint8).reshape(-1, 32)


def _split(images: Images, parts: Parts, which: int) -> Split:
    """The columns of one part, each key's labels in its domain."""
    table = images.laid.table
    columns: dict[str, Column] = {key: _column(images, key, parts[key][which]) for key in table.keys}
    for key, known in table.labels.items():
        columns[f"label_{key}"] = known.of([table.keys[key].names[row] for row in parts[key][which]])
    if table.paired:
        return Split(columns)
    return Split(columns, tuple(tuple(name for name in (key, f"label_{key}") if name in columns) for key in table.keys))


def _column(images: Images, key: str, rows: Places) -> Column:
    """Some rows of a key, to draw from."""
    seen, stored = images.laid, images.prepared[key].images
    made = seen.fields[key]
    if made.free:
        height, width = made.shape[-2:]
        pieces = stored if isinstance(stored, Ragged) else Ragged.like(stored)
        column: Rows | Cropped = Cropped(pieces, rows, (height, width), seen.times[key])
    else:
        assert isinstance(stored, np.ndarray)  # all of one size
        column = Rows(stored, rows)
    return Flat(column) if len(made.shape) == 2 else column


def _notes(images: Images, parts: Parts, left_out: Mapping[str, str]) -> dict[str, object]:
    """What a person should know: what was recognised, what is left out, what to see to."""
    seen, files = images.laid, {key: len(part[0]) + len(part[1]) for key, part in parts.items()}
    options, table = seen.options, seen.table
    notes: dict[str, object] = {"files": sum(files.values()), "layout": _recognised(images, parts)}
    if left_out:
        notes["skipped"] = f"{count(len(left_out), 'file')} left out: {some(left_out, NAMED)}"
    if table.ignored:
        notes["ignored"] = f"ignored: {counted(dict(table.ignored))}"
    if table.parted and options.heldout != DataOptions.heldout:
        notes["heldout"] = f"data.heldout {options.heldout:g} is not used: the folders say what is held out"
    notes |= idle_limit(max(len(each.train) for each in table.keys.values()) + len(left_out), options)
    notes |= _copies(images, parts)
    for key in table.keys:
        for name, words in _of_key(images, key, np.concatenate(parts[key])).items():
            notes[name] = "; ".join(filter(None, [str(notes.get(name, "")), f"of {key}, {words}"]))
    return notes


def _recognised(images: Images, parts: Parts) -> str:
    """'1,000 pairs: a|b side by side, 900 to train, 100 held out'."""
    table = images.laid.table
    numbers = {key: f"{len(train):,} to train, {len(held):,} held out" for key, (train, held) in parts.items()}
    if table.paired:
        key = next(iter(parts))
        larger = "".join(f", {key} ×{n}" for key, n in images.laid.times.items() if n > 1)
        return f"{count(sum(map(len, parts[key])), table.row)}: {table.found}{larger}, {numbers[key]}"
    titles = {key: f"{key} ({each.title})" if each.title else key for key, each in table.keys.items()}
    each = "; ".join(f"{titles[key]} {words}" for key, words in numbers.items())
    return f"{len(parts)} domains: {table.found}; {each}"


def _copies(images: Images, parts: Parts) -> dict[str, str]:
    """Of what is held out and trained on too, where folders say so: it flatters the scores."""
    table, found = images.laid.table, list[str]()
    if not table.parted:
        return {}
    for key, (train, held) in parts.items():
        if images.laid.fields[key].kind != "image":  # maps and masks are often the same
            continue
        marks = images.prepared[key].digests
        known = {bytes(mark) for mark in marks[train]}
        found += [table.keys[key].names[row] for row in held if bytes(marks[row]) in known]
    if not found:
        return {}
    what = f"{count(len(found), 'held-out image')} can be found among those to train on too"
    return {"copies": f"{what}, which flatters the scores: {some(found, NAMED)}"}


def _of_key(images: Images, key: str, rows: Places) -> dict[str, str]:
    """What the reader of a key has to say of its images."""
    seen, each = images.laid, images.laid.table.keys[key]
    row_of = {each.names[row]: row for row in rows}
    heads: dict[str, Header] = {name: seen.heads[key][name] for name in row_of}
    own = own_options(seen.options, key, seen.table)
    stored = images.prepared[key].images
    return each.reader.notes(Decoded(seen.table.root, heads, seen.fields[key], own, lambda name: stored[row_of[name]]))
