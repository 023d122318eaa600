"""A look at data of several keys: what every key holds, what belongs together, what some of it looks like."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..base.errors import UsageError, some
from ..spec import Field
from . import advice, keyed, module_of
from .checked import KeyReport, Report, Shown, bits_of, counts
from .decode import Header, Unreadable
from .files import Files, Unusable
from .keyed import Images, Table
from .layouts import Unmatched, split_places
from .notes import spread
from .options import DataOptions
from .survey import glance

if TYPE_CHECKING:
    from .source import Source

MOST = 256  # samples of an embedded source that are looked at, spread over all
SAID = ("layout", "files", "ignored")  # notes that the first line has already

Heads = Mapping[str, Mapping[str, Header]]  # by key and name


def check_files(options: DataOptions) -> Report:
    """A source of several folders, or of a list of files. UsageError for a place that is not there."""
    place, blank = options.source.partition(":")[2], _blank(options)
    if missing := [each for each in split_places(place) if not Path(each).expanduser().exists()]:
        raise UsageError(f"there is no folder or file {some(missing)}")
    try:
        table: Table = module_of(options).found_in(options, place).limited(options.limit)
    except UsageError as error:
        lonely = error.lonely if isinstance(error, Unmatched) else {}
        bad = error.bad if isinstance(error, Unusable) else []
        return replace(blank, found="it cannot be trained on", reason=str(error), unmatched=lonely, bad=bad)
    heads = _heads(table, options)
    options, notes = _sized(options, heads)
    report = replace(
        blank, found=table.found, keys=_of_heads(table, heads), files=len(table.files), ignored=dict(table.ignored)
    )
    try:
        images = keyed.images(options, table)
        from . import dealing

        source = getattr(module_of(options), "source", dealing.source)
        return _whole(report, images, source(images), notes)
    except UsageError as error:
        bad = error.bad if isinstance(error, Unusable) else sorted(table.bad)
        return replace(report, reason=str(error), bad=bad, notes=notes)


def check_embedded(source: "Source", options: DataOptions) -> Report:
    """An embedded source of several keys."""
    fields = {key: field for key, field in source.spec.fields.items() if field.is_spatial}
    keys = {
        key: _counted(KeyReport(), source, key, field, _some_of(source, key)) for key, field in fields.items()
    }  # fmt: skip
    n = max(part.images for part in keys.values())
    some_of = {"looked at": f"{MOST} of {n:,} samples, for the shares of the classes"}
    notes = some_of if n > MOST and any(part.classes for part in keys.values()) else {}
    each = "; ".join(f"{key} {part.train:,} to train, {part.heldout:,} held out" for key, part in keys.items())
    report = replace(
        _blank(options),
        what="the built-in source",
        images=sum(part.images for part in keys.values()),
        found=each if len(source.spec.domains) > 1 else each.partition(" ")[2].partition(";")[0],
        keys=keys,
        notes={**source.notes, **notes, "fingerprint": source.fingerprint},
    )
    return replace(report, command=advice.translating(source, options), shown=_of_columns(source, fields))


def kinds_of(source: "Source") -> dict[str, Any]:
    """How many held-out images there are of each kind of defect, normal ones first; nothing of other data."""
    held = source.heldout
    if held is None or "defect" not in held.columns:
        return {}
    counted = np.bincount(held.columns["defect"][:], minlength=len(held.fields["defect"].names))
    return {"kinds": dict(zip(held.fields["defect"].names, counted.tolist(), strict=True))}


def _blank(options: DataOptions) -> Report:
    return Report(options.source, 0, 0, 0, {}, {}, {}, {}, {}, {})


def _whole(report: Report, images: Images, source: "Source", notes: dict[str, Any]) -> Report:
    """The report of files that can be trained on."""
    seen, options = images.laid, images.laid.options
    keys, read = {}, report.keys
    if read.keys() != seen.fields.keys():  # called otherwise, for some are larger
        read = _of_heads(seen.table, seen.heads)
    for key, field in seen.fields.items():
        stored = images.prepared[key].images
        rows = (np.asarray(stored[row]) for row in _good(images, key))
        keys[key] = _counted(read[key], source, key, field, rows)
    own = {title: str(value).removeprefix(f"{title.rpartition(' ')[2]}: ") for title, value in source.notes.items()}
    notes = notes | {title: value for title, value in own.items() if title not in SAID}
    if options.direction != "a-to-b":
        notes["direction"] = f"{options.direction}: a game is given b, and makes a"
    return replace(
        report,
        images=sum(len(_good(images, key)) for key in keys),
        keys=keys,
        found=str(source.notes["layout"]),
        bad=images.bad,
        duplicates=_twice(images),
        notes=notes | kinds_of(source) | {"fingerprint": source.fingerprint},
        command=advice.detecting(source, options) or advice.translating(source, options),
        shown=_of_files(images),
    )


def _heads(table: Table, options: DataOptions) -> Heads:
    """The headers of the files that can be read, as the readers of their keys see them."""
    headers = glance(Files(table.root, table.files, []), options)
    heads: dict[str, dict[str, Header]] = {}
    first = {*next(iter(table.keys.values())).names}
    for key, each in table.keys.items():
        heads[key] = {}
        for name in each.names:
            try:
                if name in headers and not (each.own and name in first):  # an image in the place of its empty mask
                    heads[key][name] = each.reader.head(headers[name])
            except Unreadable:  # which is reported when it is decoded
                continue
    return heads


def _of_heads(table: Table, heads: Heads) -> dict[str, KeyReport]:
    return {
        key: KeyReport(
            title=each.title,
            images=len(each.names),
            sizes=counts(f"{head.width}×{head.height}" for head in heads[key].values()),
            channels=counts("3" if head.colour else "1" for head in heads[key].values()),
            modes=counts(head.mode for head in heads[key].values()),
            bits=counts(bits_of(head) for head in heads[key].values()),
        )
        for key, each in table.keys.items()
    }


def _sized(options: DataOptions, heads: Heads) -> tuple[DataOptions, dict[str, Any]]:
    """With a size where images have several and none was asked for, and what is said of it."""
    key = advice.differing(heads)
    if key is None or options.loaded is not None or options.cuts:
        return options, {}
    sizes = [(head.height, head.width) for head in heads[key].values()]
    side = advice.usual_side(sizes, advice.TRANSLATED)
    (height, width), _ = Counter(sizes).most_common(1)[0]
    said = (
        f"{len({*sizes})} of {key}, most often {width}×{height}. --data.size {side} brings all to one size, "
        f"--data.crop {side} or less keeps theirs and cuts pieces at random"
    )
    return replace(options, size=side), {"several sizes": said}


def _counted(report: KeyReport, source: "Source", key: str, field: Field, rows: Iterable[np.ndarray]) -> KeyReport:
    """With what is trained on and held out, and of a map the share of every class."""
    height, width = field.shape[-2:]
    kept = source.heldout.columns if source.heldout else {}
    train, heldout = len(source.train.columns.get(key, ())), len(kept.get(key, ()))
    report = replace(
        report,
        kind=field.kind,
        title=field.title,
        images=report.images or train + heldout,
        train=train,
        heldout=heldout,
        dealt=f"{width}×{height}",
        sizes=report.sizes or {f"{width}×{height}": train + heldout},
        channels=(report.channels or {str(field.shape[0]): train + heldout}) if field.kind == "image" else {},
    )
    if field.kind != "map":
        return report
    n = np.zeros(len(field.names), np.int64)
    for row in rows:
        n += np.bincount(row.reshape(-1).astype(np.int64), minlength=len(n))
    shares = (n / max(n.sum(), 1)).tolist()
    order = sorted(range(len(n)), key=lambda i: -shares[i])
    values = field.values or tuple(range(len(n)))
    return replace(
        report,
        classes={field.names[i]: shares[i] for i in order},
        palette=dict(zip(field.names, field.palette, strict=True)),
        numbers=dict(zip(field.names, values, strict=True)),
    )


def _good(images: Images, key: str) -> list[int]:
    """The rows of a key that could be decoded."""
    prepared = images.prepared[key]
    return [row for row in range(len(prepared.digests)) if row not in prepared.bad]


def _twice(images: Images) -> list[list[str]]:
    """Images of one key with the same pixels, by name. Maps and masks are often the same without harm."""
    groups: dict[tuple[str, bytes], list[str]] = defaultdict(list)
    for key, each in images.laid.table.keys.items():
        if images.laid.fields[key].kind == "image":
            for row in _good(images, key):
                groups[key, images.prepared[key].digests[row].tobytes()].append(each.names[row])
    return [group for group in groups.values() if len(group) > 1]


def _some_of(source: "Source", key: str) -> Iterator[np.ndarray]:
    """Samples of an embedded source, spread over what is trained on and what is held out."""
    columns = [part.columns[key] for part in (source.train, source.heldout) if part and key in part.columns]
    places = np.array(spread(range(sum(map(len, columns))), MOST), np.int64)
    for column in columns:
        yield column[places[places < len(column)]]
        places = places[places >= len(column)] - len(column)


def _of_files(images: Images) -> Shown:
    """Of files: pairs of all, or of every domain as many, spread over all of them."""
    seen = images.laid
    table, fields = seen.table, seen.fields

    def shown(n: int) -> list[list[tuple[str, str, Any]]]:
        good = {key: _good(images, key) for key in fields}
        if table.paired:
            both = sorted(set.intersection(*({*rows} for rows in good.values())))
            good = dict.fromkeys(good, both)
        picked = {key: spread(rows, n) for key, rows in good.items()}
        most = max(map(len, picked.values()))
        return [
            [
                (
                    key,
                    table.keys[key].names[rows[i]],
                    _seen(np.asarray(images.prepared[key].images[rows[i]]), fields[key]),
                )
                for key, rows in picked.items()
                if i < len(rows)
            ]
            for i in range(most)
        ]

    return shown


def _of_columns(source: "Source", fields: Mapping[str, Field]) -> Shown:
    """Of an embedded source: of the samples to train on, numbered from 0."""

    def shown(n: int) -> list[list[tuple[str, str, Any]]]:
        columns = {key: source.train.columns[key] for key in fields}
        picked = {key: spread(range(len(column)), n) for key, column in columns.items()}
        return [
            [
                (key, f"{key} {rows[i]}", _seen(columns[key][np.array([rows[i]])][0], fields[key]))
                for key, rows in picked.items()
                if i < len(rows)
            ]
            for i in range(max(map(len, picked.values())))
        ]

    return shown


def _seen(stored: np.ndarray, field: Field) -> Any:
    """One stored sample as people see it: a tensor [C, H, W] in [-1, 1]; of instances whole numbers [H, W]."""
    import torch

    from .source import decoded

    array = stored[0] if field.kind in ("map", "instances") and stored.ndim == 3 else stored
    sample = decoded(torch.from_numpy(np.array(array))[None], field)
    return sample[0] if field.kind == "instances" else field.as_image(sample)[0]
