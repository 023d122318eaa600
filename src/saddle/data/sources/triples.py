"""triples:PATH: images, their masks and clean images: folders A, B and C, or a CSV or JSONL file of image, mask, clean
triples:IMAGE_DIR,MASK_DIR,CLEAN_DIR: the same in folders of any names, or images and masks alone in two of them

Keys are a (image), mask and, where there are clean images, b. Files belong together by their names without the suffix.
What is held out are the folders called test and val, else a share of the triples. A mask has two values: white, from
128 of 255, is 1.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...base.errors import UsageError, some
from ...spec import DataSpec
from .. import keyed
from ..decode import Unreadable
from ..files import Files
from ..keyed import Key, Table
from ..layouts import (
    PARTS,
    Folders,
    check_parts,
    common_root,
    held_out,
    images_in,
    lettered,
    matched,
    parts_in,
    split_places,
    sub_folders,
    trained,
)
from ..lists import listed
from ..options import DataOptions
from ..readers import Masks, Pictures, Reader
from ..survey import survey
from ..tables import stem

if TYPE_CHECKING:
    from ..source import Source

OFFERS = ("a", "mask", "b")  # keys of its batches
KEYS = ("a", "mask", "b")
TITLES = {"a": "image", "mask": "mask", "b": "clean"}  # and columns of a file
READERS: dict[str, Reader] = {"a": Pictures(), "mask": Masks(two=True), "b": Pictures()}
LISTS = (".csv", ".jsonl")
WORDS = {
    **dict.fromkeys(("image", "images", "img", "input", "shadow"), "a"),
    **dict.fromkeys(("mask", "masks"), "mask"),
    **dict.fromkeys(("clean", "clear", "free", "shadow_free", "shadow-free", "target"), "b"),
}  # what folders are called


def open(options: DataOptions, path: str) -> "Source":
    """Keys a, mask and, where there are some, b. UsageError, naming files, for masks of more than two values."""
    images = keyed.images(options, found_in(options, path))
    from ..dealing import source  # torch is loaded at the end: a mistake shows at once

    return source(images)


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, from the headers alone."""
    return keyed.spec_of(options, found_in(options, path))


def found_in(options: DataOptions, path: str) -> Table:
    """The files of each key. UsageError, naming files, for what has no partner, and for other sizes."""
    options.allow(*keyed.TAKES)
    table = replace(_table(path), scaled=False, row="triple")
    taken = table.limited(options.limit)
    headers, _ = survey(Files(table.root, taken.files, []), options)
    bad = {**dict(keyed.of_other_sizes(taken, headers, options, "a")), **dict(table.bad)}
    return replace(table, bad=sorted(bad.items()))


def lies_in(root: Path) -> bool:
    """Has a folder images, masks and clean images, by its folders' names, of which most have partners?"""
    try:
        found = _laid(root)
        if found is None or len(found[1]) < len(KEYS):
            return False
        every = {key: images_in(root, parts) for key, parts in found[1].items()}
    except UsageError:
        return False
    names = {key: [name for part in each.parts.values() for name in part] for key, each in every.items()}
    stems = [{Path(stem(name)).name for name in of_key} for of_key in names.values()]
    return 2 * len(set.intersection(*stems)) > min(map(len, stems)) and _are_masks(root, names["mask"][:3])


def _are_masks(root: Path, names: Iterable[str]) -> bool:
    reader, options = READERS["mask"], DataOptions("triples")
    try:
        for name in names:
            reader.array(root / name, None, reader.field({}, (1, 1), options), options)
    except Unreadable:
        return False
    return True


def _table(path: str) -> Table:
    places = [Path(place).expanduser() for place in split_places(path)]
    if len(places) > len(KEYS):
        raise UsageError(
            f"triples: takes one place, or two or three: IMAGE_DIR,MASK_DIR[,CLEAN_DIR], not {len(places)}: {path}"
        )
    if len(places) > 1:
        root, folders = common_root(places)
        named = {key: parts_in(root, folder) for key, folder in zip(KEYS, folders, strict=False)}
        return _of_folders(root, named, "folders by name")
    place = places[0]
    if place.is_file() and place.suffix.lower() in LISTS:
        return _of_list(place)
    if not place.is_dir():
        what = "is neither a folder nor a .csv or .jsonl file" if place.exists() else "is not there"
        raise UsageError(f"{place} {what}; triples: takes a folder, two or three of them, or a .csv or .jsonl file")
    if found := _laid(place):
        return _of_folders(place, found[1], found[0])
    raise UsageError(
        f"{place} holds no folders of images and of masks, such as A, B and C, train_A, train_B and train_C, or image, "
        "mask and clean; name them: triples:IMAGE_DIR,MASK_DIR,CLEAN_DIR"
    )


def _laid(root: Path) -> tuple[str, dict[str, Folders]] | None:
    """What a folder's layout is called, and the folders by key; None if it has none of images and of masks."""
    if layout := lettered(root):
        found, letters = layout
        letters = dict(sorted((letter.upper(), parts) for letter, parts in letters.items()))
        if others := [*letters][len(KEYS) :]:
            found += f", without {some(others)}"
        return found, dict(zip(KEYS, letters.values(), strict=False))
    every: dict[str, Folders] = {}
    for key, part, folder in _called(root):
        every.setdefault(key, {}).setdefault(part, []).append(folder)
    if not {"a", "mask"} <= every.keys():
        return None
    named = {key: every[key] for key in KEYS if key in every}
    return (
        f"folders {some((folder for parts in named.values() for each in parts.values() for folder in each), 6)}",
        named,
    )


def _called(root: Path) -> Iterator[tuple[str, str, str]]:
    """The key, the part and the path of folders that are called by a word: image, image/train or train/image."""
    for name in sub_folders(root):
        if key := WORDS.get(name.lower()):
            yield from ((key, part, each) for part, folders in parts_in(root, name).items() for each in folders)
        elif part := PARTS.get(name.lower(), ""):
            below = {folder: WORDS.get(folder.lower()) for folder in sub_folders(root / name)}
            yield from ((key, part, f"{name}/{folder}") for folder, key in below.items() if key)


def _of_folders(root: Path, folders: Mapping[str, Folders], found: str) -> Table:
    check_parts(root, folders)
    images = {key: images_in(root, parts) for key, parts in folders.items()}
    keys = {key: _key(key, trained(each), held_out(each)) for key, each in matched(images, root).items()}
    return Table.of(root, keys, images.values(), f"{_what(keys)} in {found}", paired=True)


def _of_list(path: Path) -> Table:
    """The rows of a file with columns image, mask and, perhaps, clean."""
    table = listed(path, (TITLES["a"], TITLES["mask"]))
    columns = {title: key for key, title in TITLES.items()}
    keys = {}
    for column, each in table.keys.items():
        key = columns.get(column, column)
        if column in KEYS and key != "mask":
            raise UsageError(f"{path} has a column {column!r}; those of triples are called {some(columns)}")
        keys[key] = _key(key, each.train, each.test) if column in columns else each
    ordered = {key: keys[key] for key in (*KEYS, *keys) if key in keys}
    return replace(table, keys=ordered, found=f"{_what(keys)} {table.found}")


def _key(key: str, train: Iterable[str], test: Iterable[str]) -> Key:
    return Key([*train], [*test], TITLES[key], READERS[key])


def _what(keys: Iterable[str]) -> str:
    return "images, masks and clean images" if "b" in {*keys} else "images and masks, without clean images,"
