"""Folders of label maps: which sub-folder holds labels, images and instances, as the usual data sets are laid out."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..base.errors import some
from .layouts import PARTS, Folders, Found, images_in, sub_folders
from .tables import stem

KEYS = ("a", "b", "instances")  # of label maps, of images, and of the numbers of objects
WORDS = {"a": "label maps", "b": "images", "instances": "instances"}
KINDS = {
    **dict.fromkeys(("label", "labels", "lbl", "mask", "masks", "annotation", "annotations", "segmentation"), "a"),
    **dict.fromkeys(("map", "maps", "labelmap", "labelmaps", "seg", "gtfine", "gtcoarse"), "a"),
    **dict.fromkeys(("stuff", "stuffthingmaps", "pixelmaps"), "a"),
    **dict.fromkeys(("img", "imgs", "image", "images", "photo", "photos", "leftimg8bit"), "b"),
    **dict.fromkeys(("inst", "insts", "instance", "instances"), "instances"),
}  # what folders are called
_YEAR = re.compile(r"[_-]?(19|20)\d\d$")  # train2017
_OF_CITIES = re.compile(r"_(gt[A-Z][a-z]+_\w+|leftImg8bit)$")  # what follows the name of a scene of Cityscapes
_IDS, _OBJECTS = "_labelIds", "_instanceIds"
_NO_CLASS = "belongs to no class"


@dataclass(frozen=True)
class Layout:
    """Where label maps and what belongs to them lie."""

    folders: Mapping[str, Folders]  # by key, below the root
    found: str  # what was recognised, in words
    ignore: int | None = None  # the number of pixels that belong to no class


def laid_out(root: Path) -> Layout | None:
    """The usual folders in this one; None if there are none of label maps and of images."""
    every: dict[str, Folders] = {}
    for name in sub_folders(root):
        for key, part, folder in _entries(root, name):
            every.setdefault(key, {}).setdefault(part, []).append(folder)
    if not {"a", "b"} <= every.keys():
        return None
    folders, left_out = _shared({key: every[key] for key in KEYS if key in every})
    names = {key: [path for parts in folders[key].values() for path in parts] for key in folders}
    found = "; ".join(f"{WORDS[key]} in {some(paths, 4)}" for key, paths in names.items())
    found += f"; left out: {some(left_out, 4)}" if left_out else ""
    first = names["a"][0].partition("/")[0].lower() if names["a"] else ""
    if first.startswith("gt"):
        return Layout(folders, f"Cityscapes: {found}")
    if first == "annotations" and any(path.endswith("/training") for path in names["a"]):
        return Layout(folders, f"ADE20K, where 0 {_NO_CLASS}: {found}", 0)
    if "stuff" in f"{root.resolve().name} {first}".lower():
        return Layout(folders, f"COCO-Stuff, where 255 {_NO_CLASS}: {found}", 255)
    return Layout(folders, found)


def files_of(root: Path, folders: Mapping[str, Folders]) -> tuple[dict[str, Found], bool]:
    """The files of each key, and whether these are Cityscapes' own numbers.

    Of Cityscapes' folders, which hold several kinds of files, those of labels and, if there are any, of instances.
    """
    found = {key: images_in(root, each) for key, each in folders.items()}
    if not any(_ending(found["a"], _IDS).parts.values()):
        return found, False
    objects = _ending(found.get("instances", found["a"]), _OBJECTS)
    if "instances" not in found:
        objects = replace(objects, bad=[], ignored=Counter())  # they are reported for the same folders already
    found["a"] = _ending(found["a"], _IDS)
    if all(objects.parts.values()):
        found["instances"] = objects
    return found, True


def bare(name: str) -> str:
    """A path without the suffix, and without what Cityscapes adds to the name of a scene."""
    return _OF_CITIES.sub("", stem(name))


def _shared(every: Mapping[str, Folders]) -> tuple[dict[str, Folders], list[str]]:
    """The parts that have label maps and images, and the folders of the others; of Cityscapes not its blank test."""
    parts = [part for part in every["a"] if part in every["b"]]
    if "val" in parts and any(path.startswith("gt") for path in every["a"]["val"]):
        parts = [part for part in parts if part != "test"]
    left_out = [
        path for each in every.values() for part, paths in each.items() if part not in parts for path in paths
    ]  # fmt: skip
    return {key: {part: each[part] for part in parts if part in each} for key, each in every.items()}, left_out


def _ending(found: Found, end: str) -> Found:
    parts = {part: [name for name in names if stem(name).endswith(end)] for part, names in found.parts.items()}
    return replace(found, parts=parts)


def _entries(root: Path, name: str) -> list[tuple[str, str, str]]:
    """What a sub-folder holds: a key, a part ("" for all that there is) and the folder, or several below it."""
    key, part = _named(name)
    if key and part:
        return [(key, part, name)]
    found = []
    for below in sub_folders(root / name) if key or part else []:
        other, part_below = _named(below)
        if key and part_below and not other:
            found.append((key, part_below, f"{name}/{below}"))
        elif part and other and not part_below:
            found.append((other, part, f"{name}/{below}"))
    return found or ([(key, "", name)] if key else [])


def _named(name: str) -> tuple[str, str]:
    """The key and the part that a folder's name says; '' for what it does not."""
    key = part = ""
    for word in re.split("[_-]", _YEAR.sub("", name.lower())):
        if word in KINDS:
            key = key if key == "instances" else KINDS[word]  # of annotations_instance
        elif word in PARTS:
            part = PARTS[word]
        else:
            return "", ""
    return key, part
