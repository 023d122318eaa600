"""Tables of image files by key, each key with its own channels, bits and size: what sources of several keys stand on.

A source says in a `Table` which files each key has, row by row, and how they are read (`readers.Reader`); `layouts`
finds that out for the usual folders. `dealing.source(images(options, table))` is the source, and `spec_of` gives its
spec from the headers alone. Every key is decoded once into the cache and drawn from there: nothing is in memory as a
whole.
"""

import os
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import PIL

from ..base.errors import UsageError
from ..spec import DataSpec, Field
from .advice import TRANSLATED, differing, sizes_differ
from .cache import Prepared, prepare
from .decode import Header, Unreadable, unchanged
from .files import Bad, Files, Unusable, bad_lines, count, listing
from .fingerprint import fingerprint, picked
from .layouts import Found, is_parted
from .options import AUGMENTATIONS, DataOptions, check_multiple
from .pairing import scale_of
from .readers import Pictures, Reader
from .sizes import Sides, brought, check_pieces, dealt, shapes, smaller, unshrunk
from .survey import glance, survey
from .tables import Labels

TAKES = (
    *("size", "load", "crop", "fit", "channels", "range", *AUGMENTATIONS, "background"),
    *("limit", "skip_bad", "heldout", "max_megapixels"),
)  # settings that every source of tables takes
VERSION = 1  # of what is kept in the cache: another number, and everything is decoded anew


@dataclass(frozen=True)
class Key:
    """The images of one key of a batch."""

    train: Sequence[str]  # names: paths below the table's root, or whole ones; of paired keys row by row
    test: Sequence[str] = ()  # that are held out
    title: str = ""  # what people call the key
    reader: Reader = Pictures()
    own: bool = False  # is it as large as it comes, though the images of its row are resized?

    @cached_property
    def names(self) -> list[str]:
        """Those to train on, then the others."""
        return [*self.train, *self.test]

    def only(self, kept: Sequence[bool]) -> "Key":
        """Some of the rows, of those to train on and then of the others."""
        n = len(self.train)
        train = [name for name, good in zip(self.train, kept[:n], strict=True) if good]
        return replace(self, train=train, test=[name for name, good in zip(self.test, kept[n:], strict=True) if good])


@dataclass(frozen=True)
class Table:
    """Which files there are, by key."""

    root: Path  # of the names
    keys: Mapping[str, Key]
    paired: bool  # does row i of every key belong together?
    found: str  # what was recognised, in words
    parted: bool = False  # do the folders say what is held out? Else it is a share of the rows
    labels: Mapping[str, Labels] = field(default_factory=dict)  # of the images of these keys, by name
    taught: bool = False  # do batches hold these labels too? Else they serve scores alone
    bad: Bad = field(default_factory=list)  # files in these folders that cannot be opened
    ignored: Mapping[str, int] = field(default_factory=dict)  # files of other kinds, by suffix
    scaled: bool = True  # may the images of one key be whole multiples of those of another? Else all come out alike
    row: str = "pair"  # what people call what belongs together
    called: tuple[str, str] | None = None  # its two keys, if images of one are multiples of the other's: large, small

    @classmethod
    def of(cls, root: Path, keys: Mapping[str, Key], images: Iterable[Found], found: str, paired: bool) -> "Table":
        """Of images that were found in folders: with what else lies there, and parted if the folders are."""
        parts = [*images]
        ignored = sum((each.ignored for each in parts), Counter[str]())
        bad = [line for each in parts for line in each.bad]
        return cls(root, keys, paired, found, any(is_parted(each.parts) for each in parts), bad=bad, ignored=ignored)

    @property
    def files(self) -> list[str]:
        """Each once, in order."""
        return sorted({name for key in self.keys.values() for name in key.names})

    def without(self, left_out: Mapping[str, str], wrong: Container[int] = ()) -> "Table":
        """The table without these files; of paired ones the whole row goes, and so do those at these places."""
        kept = {
            key: [name not in left_out and row not in wrong for row, name in enumerate(each.names)]
            for key, each in self.keys.items()
        }
        if self.paired:
            rows = [all(row) for row in zip(*kept.values(), strict=True)]
            kept = dict.fromkeys(kept, rows)
        return replace(self, keys={key: each.only(kept[key]) for key, each in self.keys.items()})

    def renamed(self, times: Mapping[str, int]) -> "Table":
        """With the keys that images have of which some are larger than the others, as many times as given."""
        if self.called is None or len(self.keys) != 2 or max(times.values()) == 1:
            return self
        large = max(self.keys, key=lambda key: times[key])
        (small,) = {*self.keys} - {large}
        return replace(self, keys=dict(zip(self.called, (self.keys[large], self.keys[small]), strict=True)))

    def limited(self, limit: int | None) -> "Table":
        """So many rows to train on, always the same ones: of all, where a share of them is held out."""
        if limit is None:
            return self
        chosen = {key: {*picked([*map(os.fsencode, each.train)], limit)} for key, each in self.keys.items()}
        if self.paired:
            chosen = dict.fromkeys(chosen, next(iter(chosen.values())))
        kept = {
            key: [i in chosen[key] or i >= len(each.train) for i in range(len(each.names))]
            for key, each in self.keys.items()
        }
        return replace(self, keys={key: each.only(kept[key]) for key, each in self.keys.items()})


@dataclass(frozen=True)
class Laid:
    """A table of which the headers were read: what can be decoded, and how large it will be."""

    table: Table
    options: DataOptions
    heads: Mapping[str, Mapping[str, Header]]  # by key and name
    times: Mapping[str, int]  # how many times as large as the smallest of its row the images of a key are
    fields: Mapping[str, Field]
    left_out: Mapping[str, str]  # files that are not used, with the reason

    def kept(self, key: str) -> list[Sides]:
        """The sides of the images of a key in the cache."""
        times, heads = self.times[key], self.heads[key]
        if self.table.keys[key].own and self.options.loaded is not None and not self.options.cuts:
            height, width = self.fields[key].shape[-2:]
            return [(height, width)] * len(heads)
        based = (
            brought(heads[name].height // times, heads[name].width // times, self.options)
            for name in self.table.keys[key].names
        )
        return [(height * times, width * times) for height, width in based]

    def own(self, key: str) -> DataOptions:
        """The settings of one key."""
        return own_options(self.options, key, self.table)


@dataclass(frozen=True)
class Images:
    """The images of a table in the cache; a row that is bad is bad for all its keys if they are paired."""

    laid: Laid
    prepared: Mapping[str, Prepared]
    bad: Bad


def own_options(options: DataOptions, key: str, table: Table) -> DataOptions:
    return replace(options, channels=options.channels_of(key, tuple(table.keys)))


def spec_of(options: DataOptions, table: Table) -> DataSpec:
    """What the source has, from the headers alone: nothing is decoded, and nothing kept."""
    table = table.limited(options.limit)
    files = Files(table.root, table.files, list(table.bad))
    return spec_with(laid(options, table, glance(files, options), files.bad))


def images(options: DataOptions, table: Table) -> Images:
    """The images of a table, decoded once into the cache: what `dealing.source` takes, which loads torch.

    UsageError, naming files, for what cannot be trained on, unless it may be left out.
    """
    table = table.limited(options.limit)
    files = Files(table.root, table.files, list(table.bad))
    headers, sums = survey(files, options)
    seen = laid(options, table, headers, files.bad)
    marks = dict(zip(headers, sums, strict=True))
    prepared = {key: _decoded(seen, key, marks) for key in seen.table.keys}
    bad = {name: why for name, why in seen.left_out.items()}
    for key, each in prepared.items():
        bad |= {seen.table.keys[key].names[row]: why for row, why in each.bad.items()}
    if bad and not options.skip_bad:
        raise unusable(table, bad)
    return Images(seen, prepared, sorted(bad.items()))


def laid(options: DataOptions, table: Table, headers: Mapping[str, Header], bad: Bad) -> Laid:
    """What can be made of the files with these headers. UsageError for sizes that do not fit."""
    heads, left = _heads(table, headers, bad)
    table = _filled(table.without(left), left, table)
    times, wrong = _scaled(options, table, heads)
    fitting = table.without({}, wrong)
    left |= _unfitting(table, wrong, {*fitting.files})
    before = _filled(fitting, left, table)
    table = before.renamed(times)
    if table is not before:
        old = {new: next(key for key, each in before.keys.items() if each is kept) for new, kept in table.keys.items()}
        heads, times = {new: heads[key] for new, key in old.items()}, {new: times[key] for new, key in old.items()}
        options = of_the_small(options, max(times.values()))
    heads = {key: {name: heads[key][name] for name in each.names} for key, each in table.keys.items()}
    fields = {}
    if options.loaded is None and not options.cuts and (uneven := differing(heads)) is not None:
        raise UsageError(f"of {table.keys[uneven].title or uneven}, {sizes_differ(heads[uneven], TRANSLATED)}")
    for key, each in table.keys.items():
        based = {name: _divided(head, times[key]) for name, head in heads[key].items()}
        sides = _dealt(options, based)
        left |= smaller(based, options)
        large = sides[0] * times[key], sides[1] * times[key]
        if each.own and options.loaded is not None and not options.cuts:
            large = unshrunk(((head.height, head.width) for head in heads[key].values()), sides, options)
        made = each.reader.field(heads[key], large, own_options(options, key, table))
        fields[key] = replace(made, free=options.cuts, title=each.title)
    if other := next((key for key in options.channels_named if fields[key].kind != "image"), ""):
        raise UsageError(
            f"data.channels {options.channels} names {other!r}, whose kind is {fields[other].kind}; only images have "
            "channels to choose"
        )
    rest = _filled(table.without(left), left, table)
    return Laid(rest, options, heads, times, fields, left)


def of_the_small(options: DataOptions, times: int) -> DataOptions:
    """Settings of sizes, which are those of large images, for images that are so many times as small.

    UsageError for sizes that cannot be divided.
    """
    asked = {name: getattr(options, name) for name in ("size", "load", "crop")}
    found = dict[str, Any]()
    for name, value in asked.items():
        if value is not None:
            sides = (value, value) if isinstance(value, int) else tuple(value)
            check_multiple(sides, times, name, f"data.{name} is {value}, of the larger images of each pair,")
            found[name] = value // times if isinstance(value, int) else tuple(side // times for side in sides)
    return replace(options, **found)


def spec_with(seen: Laid) -> DataSpec:
    table, fields = seen.table, dict[str, Field]()
    for key, each in seen.fields.items():
        fields[key] = each
        if table.taught and key in table.labels:
            fields[f"label_{key}"] = table.labels[key].condition.field
    domains = (
        () if table.paired else tuple(tuple(k for k in (key, f"label_{key}") if k in fields) for key in seen.fields)
    )
    return DataSpec(fields, domains=domains)


def of_other_sizes(table: Table, headers: Mapping[str, Header], options: DataOptions, key: str) -> Bad:
    """Files that are not of the size of this key's image in their row; of its proportions, if all are resized."""
    bad: Bad = []
    for other, each in table.keys.items():
        for name, image in zip(each.names, table.keys[key].names, strict=True):
            if other == key or name not in headers or image not in headers:
                continue
            own, its = headers[name], headers[image]
            off = abs(own.height - its.height * own.width / its.width)
            if (own.height, own.width) != (its.height, its.width) and (options.loaded is None or off > 1):
                sizes = f"{own.width}×{own.height}, and its image {image} is {its.width}×{its.height}"
                help_ = "; --data.size N brings both to one size" if off <= 1 else ""
                bad.append((name, f"{sizes}{help_}"))
    return bad


def unusable(table: Table, bad: Mapping[str, str]) -> Unusable:
    """That these files cannot be used, of all that there are."""
    whole = f" A {table.row} of which one file is left out is left out as a whole." if table.paired else ""
    return Unusable(
        f"{len(bad):,} of {count(len({*table.files, *dict(table.bad)}), 'file')} in {table.root} cannot be used:\n"
        f"{listing(bad_lines(sorted(bad.items())))}\n"
        f"Repair or remove them, or leave them out with --data.skip_bad true.{whole}",
        bad,
    )


def _heads(
    table: Table, headers: Mapping[str, Header], bad: Bad
) -> tuple[dict[str, dict[str, Header]], dict[str, str]]:
    """The headers by key and name, and the files that cannot be used, with the reason."""
    left, heads = dict(bad), {key: dict[str, Header]() for key in table.keys}
    for key, each in table.keys.items():
        for name in each.names:
            try:
                if name in headers:
                    heads[key][name] = each.reader.head(headers[name])
            except Unreadable as error:
                left[name] = str(error)
    return heads, left


def _filled(table: Table, left: Mapping[str, str], before: Table) -> Table:
    """The table. UsageError if too few rows are left to train on."""
    for key, each in table.keys.items():
        if len(each.train) < 2:
            if left:
                raise unusable(before, left)
            what = table.row if table.paired else f"image of {each.title or key}"
            raise UsageError(
                f"only {count(len(each.train), what)} in {table.root} to train on; it takes many, at the very least 2"
            )
    return table


def _scaled(
    options: DataOptions, table: Table, heads: Mapping[str, Mapping[str, Header]]
) -> tuple[dict[str, int], dict[int, str]]:
    """How many times as large each key is, and the rows of sizes that do not fit together, with the reason."""
    if not table.paired or not table.scaled:
        return dict.fromkeys(table.keys, 1), {}
    rows = [
        {key: (name, heads[key][name]) for key, name in zip(table.keys, names, strict=True)}
        for names in zip(*(each.names for each in table.keys.values()), strict=True)
    ]
    times, wrong = scale_of(rows)
    if wrong and not options.skip_bad:
        raise Unusable(
            f"{len(wrong):,} of {count(len(rows), table.row)} in {table.root} do not fit together:\n"
            f"{listing(list(wrong.values()))}\n"
            "Bring them to sizes that fit, or leave them out with --data.skip_bad true",
            _unfitting(table, wrong),
        )
    return times, wrong


def _unfitting(table: Table, wrong: Mapping[int, str], used: Container[str] = ()) -> dict[str, str]:
    """The files of these rows, with the reason; the row itself where other rows use all of them."""
    found: dict[str, str] = {}
    for row, why in wrong.items():
        names = [each.names[row] for each in table.keys.values()]
        found |= dict.fromkeys([name for name in names if name not in used] or [" and ".join(names)], why)
    return found


def _dealt(options: DataOptions, heads: Mapping[str, Header]) -> Sides:
    """The sides of what is drawn from images with these headers. UsageError for images that are too small."""
    check_pieces(heads, options)
    return dealt({name: brought(head.height, head.width, options) for name, head in heads.items()}, options)


def _divided(head: Header, times: int) -> Header:
    return head if times == 1 else replace(head, height=head.height // times, width=head.width // times)


def _decoded(seen: Laid, key: str, marks: Mapping[str, str]) -> Prepared:
    """What the cache keeps of a key."""
    each, made, kept, own = seen.table.keys[key], seen.fields[key], seen.kept(key), seen.own(key)
    names = each.names

    def image(i: int) -> np.ndarray:
        sides = None if own.loaded is None else kept[i]
        array = each.reader.array(seen.table.root / names[i], sides, made, own)
        return unchanged(array.transpose(1, 2, 0), kept[i]).transpose(2, 0, 1)

    channels = made.shape[0] if len(made.shape) == 3 else 1
    shaped = shapes(channels, kept, own)
    what = (type(each.reader).__name__, *each.reader.mark(made, own))
    of_sizes = shaped if isinstance(shaped, tuple) else "own" if own.loaded is None else (own.loaded, own.fit)
    mark = fingerprint(VERSION, PIL.__version__, what, channels, of_sizes, [marks[name] for name in names])
    return prepare(own.cache_folder / "keyed", mark[:32], names, shaped, each.reader.dtype(made), image)
