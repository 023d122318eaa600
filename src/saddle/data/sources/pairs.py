"""pairs:PATH: images that belong together: a|b side by side, folders A and B, or a CSV or JSONL file with columns a, b
pairs:A_DIR,B_DIR: the images of two folders, which belong together by their names without the suffix

Key a is what a game is given, key b what it shall draw for it; --data.direction b-to-a swaps them. Where the images of
one are a whole number of times as large, the keys are image, the large one, and damaged. What is held out are the
folders called test and val, else a share of the pairs.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...base.errors import UsageError, some
from ...spec import DataSpec
from .. import keyed
from ..files import scan
from ..keyed import Key, Table
from ..layouts import (
    Folders,
    Unclear,
    check_parts,
    common_root,
    held_out,
    images_in,
    joined_places,
    lettered,
    matched,
    parts_in,
    split_places,
    sub_folders,
    trained,
)
from ..lists import listed
from ..options import DataOptions
from ..readers import Pictures
from ..tables import stem

if TYPE_CHECKING:
    from ..source import Source

OFFERS = ("a", "b")  # keys of its batches
KEYS = ("a", "b")
UNEQUAL = ("image", "damaged")  # in their place where those of one are larger: the large and the small ones
LISTS = (".csv", ".jsonl")


def open(options: DataOptions, path: str) -> "Source":
    """Keys a and b, and those of further columns of a file. UsageError, naming files, for what has no partner."""
    images = keyed.images(options, found_in(options, path))
    from ..dealing import source  # torch is loaded at the end: a mistake shows at once

    return source(images)


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, from the headers alone."""
    return keyed.spec_of(options, found_in(options, path))


def found_in(options: DataOptions, path: str) -> Table:
    options.allow(*keyed.TAKES)
    places = [Path(place).expanduser() for place in split_places(path)]
    if len(places) > 2:
        raise UsageError(f"pairs: takes one place or two, a folder for a and one for b, not {len(places)}: {path}")
    if len(places) == 2:
        root, folders = common_root(places)
        parts = {key: parts_in(root, folder) for key, folder in zip(KEYS, folders, strict=True)}
        return _of_folders(root, parts, "two folders")
    place = places[0]
    if place.is_file() and place.suffix.lower() in LISTS:
        return replace(listed(place, KEYS), called=UNEQUAL)
    if not place.is_dir():
        what = "is neither a folder nor a .csv or .jsonl file" if place.exists() else "is not there"
        raise UsageError(f"{place} {what}; pairs: takes a folder, two folders A_DIR,B_DIR, or a .csv or .jsonl file")
    if layout := lettered(place):
        found, parts = layout
        if others := [letter for letter in parts if letter.lower() not in KEYS]:
            found += f", without {some(others)}"
        return _of_folders(place, {key: parts[key.upper()] for key in KEYS}, found)
    return _side_by_side(place)


def lies_in(root: Path) -> bool:
    """Has a folder two others, called A and B, of which most files have partners?"""
    try:
        layout = lettered(root)
        images = [images_in(root, layout[1][key.upper()]) for key in KEYS] if layout else []
    except Unclear:  # opened, it says what is in the way
        return True
    except UsageError:
        return False
    names = [{Path(stem(name)).name for part in each.parts.values() for name in part} for each in images]
    return bool(names) and 2 * len(names[0] & names[1]) > min(map(len, names))


def _of_folders(root: Path, folders: Mapping[str, Folders], found: str) -> Table:
    """Images that belong together by their stems."""
    check_parts(root, folders)
    images = {key: images_in(root, parts) for key, parts in folders.items()}
    keys = {key: Key(trained(each), held_out(each)) for key, each in matched(images, root).items()}
    return replace(Table.of(root, keys, images.values(), found, paired=True), called=UNEQUAL)


def _side_by_side(root: Path) -> Table:
    """Images whose left half is a, and whose right half is b."""
    parts = parts_in(root)
    check_parts(root, {"a|b": parts})
    for folder in (folder for folders in parts.values() for folder in folders):
        _check_no_folders(root / folder)
    both = images_in(root, parts)
    keys = {key: Key(trained(both.parts), held_out(both.parts), reader=Pictures(half)) for half, key in enumerate(KEYS)}
    return Table.of(root, keys, [both], "a|b side by side", paired=True)


def _check_no_folders(root: Path) -> None:
    """UsageError for a folder of two others, which are the two sides under names of their own."""
    folders = sub_folders(root)
    if len(folders) != 2 or scan(root, deep=False).images:
        return
    one, other = ({stem(name) for name in scan(root / folder).images} for folder in folders)
    if one & other:
        first, second = (root / folder for folder in folders)
        raise UsageError(
            f"{root} holds the folders {' and '.join(folders)} with images of the same names; say which is a, and "
            f"which is b: pairs:{joined_places([str(first), str(second)])}"
        )
