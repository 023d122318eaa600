"""Folders of several keys: which sub-folder holds what, which files belong together. Nothing is opened here."""

import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..base.errors import UsageError, some
from .files import Bad, Files, count, listing, looked_for, scan
from .tables import stem

PARTS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}  # what sub-folders are called: the first is trained on, the others are held out
HELD_OUT = ("val", "test")
MOST_NAMED = 5  # files of each side that have no partner
LETTERED = re.compile(rf"((?i:{'|'.join(PARTS)}))(?:([A-Z])|[_-]([A-Za-z]))")  # trainA, train_A, train-a, TrainA

Folders = dict[str, list[str]]  # folders below a root by part: "train", "val", "test", or "" for all that there is


@dataclass
class Found:
    """The images of one key, by part, as names below a root."""

    parts: dict[str, list[str]]
    bad: Bad = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)

    folders: Folders = field(default_factory=dict)


class Unclear(UsageError):
    """Folders that are laid out in a known way, except for what stands in the way of it."""


def split_places(path: str) -> list[str]:
    """The paths in a list with commas between them; a comma in a path is written \\,"""
    if "," in path and Path(path).expanduser().exists():
        return [path]
    return [part.replace("\\,", ",") for part in re.split(r"(?<!\\),", path)]


def joined_places(paths: Sequence[str]) -> str:
    """The list that `split_places` takes apart."""
    return ",".join(path.replace(",", "\\,") for path in paths)


def common_root(folders: Sequence[Path]) -> tuple[Path, list[str]]:
    """The folder above all these, and their paths below it. UsageError for a folder that is not there, or is twice."""
    for folder in folders:
        check_folder(folder)
    whole = [folder.absolute() for folder in folders]
    twice = [str(folder) for folder, n in Counter(path.resolve() for path in whole).items() if n > 1]
    if twice:
        raise UsageError(f"{twice[0]} is named twice; each key has a folder of its own")
    root = Path(os.path.commonpath(whole))
    return root, [path.relative_to(root).as_posix() for path in whole]


def check_folder(folder: Path) -> None:
    """UsageError unless it is a folder."""
    if not folder.exists():
        raise UsageError(f"there is no folder {folder}")
    if not folder.is_dir():
        raise UsageError(f"{folder} is a file, where a folder is asked for")


def sub_folders(root: Path) -> list[str]:
    """Those that are not hidden, in order."""
    try:
        entries = sorted(root.iterdir())
    except OSError as error:
        raise UsageError(f"{root} cannot be read: {error.strerror}") from None
    return [path.name for path in entries if path.is_dir() and not path.name.startswith((".", "__"))]


def parts_in(root: Path, below: str = ".") -> Folders:
    """The sub-folders train, val, test of a folder below a root, by part; {"": [the folder]} if it has none."""
    found: Folders = {}
    for name in sub_folders(root / below):
        if part := PARTS.get(name.lower()):
            found.setdefault(part, []).append(os.path.normpath(f"{below}/{name}"))
    if found and (loose := scan(root / below, deep=False).images):
        parts = sorted(Path(name).name for names in found.values() for name in names)
        raise Unclear(
            f"{count(len(loose), 'image')} in {root / below} (such as {loose[0]}) beside the folder"
            f"{'s' * (len(parts) > 1)} {some(parts, between=' and ')}; move them into one of these, or into train"
        )
    return found or {"": [below]}


def lettered(root: Path) -> tuple[str, dict[str, Folders]] | None:
    """Folders of domains A, B, C, … by letter and part, and what that layout is called; None if there is none.

    They are A and B, each with train and test in it or without; train/A and train/B; trainA and trainB; train_A and
    train_B, alone or in train.
    """
    names = sub_folders(root)
    if letters := _letters(root, names):
        return "folders A and B", {name.upper(): parts_in(root, name) for name in letters}
    found: dict[str, Folders] = {}
    called = set()
    for name in names:
        if match := LETTERED.fullmatch(name):
            called.add("train_A" if match[3] else "trainA")
            found.setdefault((match[2] or match[3]).upper(), {}).setdefault(PARTS[match[1].lower()], []).append(name)
        elif part := PARTS.get(name.lower()):
            for below in sub_folders(root / name):
                match = LETTERED.fullmatch(below)
                again = match is not None and PARTS[match[1].lower()] == part  # train/train_A
                letter = (match[2] or match[3]) if match and again else below
                if re.fullmatch("[A-Za-z]", letter):
                    called.add("train/train_A" if again else "train/A")
                    found.setdefault(letter.upper(), {}).setdefault(part, []).append(f"{name}/{below}")
    if not {"A", "B"} <= found.keys():
        return None
    check_parts(root, found)
    return f"folders {some(sorted(called), between=' and ')} and so on", dict(sorted(found.items()))


def _letters(root: Path, names: Sequence[str]) -> list[str]:
    """Of these folders those called by a letter, if A and B are among them."""
    letters = [name for name in names if re.fullmatch("[A-Za-z]", name)]
    if twice := [letter for letter in letters if letter.islower() and letter.upper() in letters]:
        raise Unclear(f"{root} holds the folders {twice[0].upper()} and {twice[0]}; keep one of them")
    return letters if {"A", "B"} <= {letter.upper() for letter in letters} else []


def check_parts(root: Path, folders: Mapping[str, Folders]) -> None:
    """UsageError unless each key has the same parts, and something to train on."""
    for part in ("train", *HELD_OUT):
        having = [key for key, parts in folders.items() if part in parts]
        lacking = [key for key, parts in folders.items() if part not in parts]
        if lacking and (having or (part == "train" and any("" not in folders[key] for key in lacking))):
            there = f", and one for {some(having)}" if having else ""
            raise UsageError(f"{root} has no {part} folder for {some(lacking)}{there}; every key needs the same ones")


def images_in(root: Path, parts: Folders) -> Found:
    """The images in these folders below a root, and in their sub-folders. UsageError for a folder without any."""
    found = Found({}, folders=parts)
    for part, folders in parts.items():
        names: list[str] = []
        for folder in folders:
            files = _scanned(root / folder)
            bad = [(_below(folder, name), why) for name, why in files.bad]
            found.bad += bad
            found.ignored += files.ignored
            names += [_below(folder, name) for name in files.images] + [name for name, _ in bad if name[-1] != "/"]
        found.parts[part] = sorted(names)
    return found


def _scanned(folder: Path) -> Files:
    check_folder(folder)
    files = scan(folder)
    if not files.images and not files.bad:
        raise UsageError(f"no images in {folder}{looked_for(files.ignored)}")
    return files


def _below(folder: str, name: str) -> str:
    return name if folder == "." else f"{folder}/{name}"


def trained(parts: Mapping[str, Sequence[str]]) -> list[str]:
    """Of names by part those to train on."""
    return [*(parts["train"] if "train" in parts else parts.get("", []))]


def held_out(parts: Mapping[str, Sequence[str]]) -> list[str]:
    return [name for part in HELD_OUT for name in parts.get(part, [])]


def is_parted(parts: Mapping[str, object]) -> bool:
    """Do the folders say what is held out?"""
    return any(part in parts for part in HELD_OUT)


class Unmatched(UsageError):
    """Files without a partner, by key."""

    def __init__(self, message: str, lonely: Mapping[str, list[str]]):
        super().__init__(message)
        self.lonely = {key: names for key, names in lonely.items() if names}


def matched(
    found: Mapping[str, Found], root: Path, bare: Callable[[str], str] = stem
) -> dict[str, dict[str, list[str]]]:
    """The names of each key by part, row by row: those that are one name when `bare` belong together.

    UsageError for a stem of two files; Unmatched for stems that another key does not have.
    """
    parts = next(iter(found.values())).parts
    rows: dict[str, dict[str, list[str]]] = {key: {} for key in found}
    lonely: dict[str, list[str]] = {}
    for part in parts:
        by_stem = {key: _by_stem(each, part, root, bare) for key, each in found.items()}
        stems = sorted(set.union(*({*each} for each in by_stem.values())))
        for key, each in by_stem.items():
            rows[key][part] = [each[stem] for stem in stems if stem in each]
            lonely.setdefault(key, []).extend(
                each[stem] for stem in each if any(stem not in other for other in by_stem.values())
            )
    if any(lonely.values()):
        n, total = (
            sum(map(len, lists))
            for lists in (lonely.values(), (names for each in found.values() for names in each.parts.values()))
        )
        raise Unmatched(
            f"{n:,} of {count(total, 'file')} in {root} have no partner:\n"
            f"{listing([f'of {key}: {some(names, MOST_NAMED)}' for key, names in lonely.items() if names])}\n"
            f"Files of {some(found, between=' and ')} belong together by their names without the suffix, sub-folders "
            "and all. Rename those that belong together, and take away the others",
            lonely,
        )
    return rows


def _by_stem(found: Found, part: str, root: Path, bare: Callable[[str], str]) -> dict[str, str]:
    """Names of one part by their stems below the folder that they lie in."""
    by_stem: dict[str, str] = {}
    for name in found.parts[part]:
        folder = next((each for each in found.folders[part] if name.startswith(f"{each}/")), "")
        mark = bare(name[len(folder) + 1 :] if folder else name)
        if mark in by_stem:
            raise UsageError(
                f"{by_stem[mark]} and {name} in {root} have one name except for the suffix, so either could be the "
                "partner of a third file; rename or remove one"
            )
        by_stem[mark] = name
    return by_stem
