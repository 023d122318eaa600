"""domains:A_DIR,B_DIR: images of several kinds without pairs, of two folders or of more of them
domains:PATH: the same of one folder: trainA, trainB, testA, testB, or a folder for each domain

Domains are the keys a, b, c, … in this order: A, B, … where folders are called so, else as they are named, or sorted.
People call them as their folders. What is held out are folders called test and val, else a share of each domain.
--data.labels folders takes the sub-folders of the first domain as its classes, for games that learn from them: label_a.
"""

import string
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...base.errors import UsageError, some
from ...spec import DataSpec
from .. import keyed
from ..files import count, scan
from ..keyed import Key, Table
from ..layouts import (
    Folders,
    check_parts,
    common_root,
    held_out,
    images_in,
    lettered,
    parts_in,
    split_places,
    sub_folders,
    trained,
)
from ..options import DataOptions
from ..tables import Labels, by_folder
from . import pairs

if TYPE_CHECKING:
    from ..source import Source

OFFERS = ("a", "b")  # keys of its batches, at the least
PAIRED = False  # they are of domains of their own
KEYS = string.ascii_lowercase


def open(options: DataOptions, path: str) -> "Source":
    """Keys a, b, c, …, each a domain of its own, and label_a where labels are asked for.

    UsageError for domains of too few images, or that share some.
    """
    images = keyed.images(options, found_in(options, path))
    from ..dealing import source  # torch is loaded at the end: a mistake shows at once

    return source(images)


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, from the headers alone."""
    return keyed.spec_of(options, found_in(options, path))


def found_in(options: DataOptions, path: str) -> Table:
    options.allow(*keyed.TAKES, "labels")
    if options.label_file:
        raise UsageError(
            f"domains: takes classes from the sub-folders of its first domain, data.labels folders, and from no file; "
            f"data.labels is {options.labels}"
        )
    return _table(path, bool(options.labels))


def _table(path: str, taught: bool) -> Table:
    places = [Path(place).expanduser() for place in split_places(path)]
    if len(places) > 1:
        root, folders = common_root(places)
        titles = [place.absolute().name for place in places]
        return table_of(
            root, [parts_in(root, folder) for folder in folders], titles, count(len(places), "folder"), taught
        )
    root = places[0]
    common_root(places)  # is it a folder?
    if layout := lettered(root):
        found, letters = layout
        return table_of(root, [*letters.values()], [""] * len(letters), found, taught)
    return _by_name(root, taught)


def lies_in(root: Path) -> bool:
    """Has a folder others, called A and B, of which most files have no partners?"""
    try:
        return lettered(root) is not None and not pairs.lies_in(root)
    except UsageError:
        return False


def table_of(root: Path, folders: list[Folders], titles: list[str], found: str, taught: bool = False) -> Table:
    """Of a domain for each of these folders by part; a title that two have is none.

    `taught`: batches hold the classes of the first one too, which its sub-folders say.
    """
    if len(folders) > len(KEYS):
        raise UsageError(f"{root} holds {len(folders)} domains; at most {len(KEYS)} are possible: name some of them")
    often = Counter(titles)
    by_key = dict(zip(KEYS, folders, strict=False))
    check_parts(root, by_key)
    images = {key: images_in(root, parts) for key, parts in by_key.items()}
    keys = {
        key: Key(trained(each.parts), held_out(each.parts), title if often[title] == 1 else "")
        for (key, each), title in zip(images.items(), titles, strict=True)
    }
    table = Table.of(root, keys, images.values(), found, paired=False)
    return replace(table, labels={"a": _classes(folders[0], keys["a"].names)}, taught=True) if taught else table


def _classes(folders: Folders, names: list[str]) -> Labels:
    """The sub-folders of a domain's folders that its images lie in. UsageError for an image that lies in none."""
    whole = [f"{folder}/" for part in folders.values() for folder in part if folder != "."]
    below = {name: name.removeprefix(next(filter(name.startswith, whole), "")) for name in names}
    known = by_folder([*below.values()])
    return replace(known, labels={name: known.labels[short] for name, short in below.items()})


def _by_name(root: Path, taught: bool) -> Table:
    """A folder for each domain, in PATH or in PATH/train and PATH/test."""
    parts = parts_in(root)
    domains: dict[str, Folders] = {}
    for part, folders in parts.items():
        for folder in folders:
            _check_no_images(root / folder)
            for name in sub_folders(root / folder):
                below = name if folder == "." else f"{folder}/{name}"
                domains.setdefault(name, {}).setdefault(part, []).append(below)
    if len(domains) < 2:
        raise UsageError(
            f"{root} holds {count(len(domains), 'folder')} of images; domains: takes one for each domain, such as "
            "trainA and trainB or horse and zebra, or two folders: domains:A_DIR,B_DIR"
        )
    domains = dict(sorted(domains.items()))
    found = f"a folder for each in {some(parts) or root.name}"
    return table_of(root, [*domains.values()], [*domains], found, taught)


def _check_no_images(folder: Path) -> None:
    """UsageError for images that lie in no domain's folder."""
    if loose := scan(folder, deep=False).images:
        raise UsageError(
            f"{count(len(loose), 'image')} in {folder} in no domain's folder (such as {loose[0]}); move them into one, "
            "or name the folders of the domains: domains:A_DIR,B_DIR"
        )
