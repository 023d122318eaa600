"""Which files in a folder are images, by their names; what else lies there."""

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..base.errors import UsageError, some

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff")
# Images too, as people see it: to leave them out without a word would be wrong.
FOREIGN = (
    ".eps",
    ".ps",
    ".pdf",
    ".svg",
    ".heic",
    ".heif",
    ".avif",
    ".psd",
    ".jp2",
    ".jxl",
    ".ico",
    ".exr",
    ".hdr",
    ".dng",
)
MOST = 20  # lines of a listing

Bad = list[tuple[str, str]]  # path, reason


class Unusable(UsageError):
    """Files that cannot be used, with the reasons."""

    def __init__(self, message: str, bad: Mapping[str, str]):
        super().__init__(message)
        self.bad: Bad = sorted(bad.items())


@dataclass
class Files:
    """What lies in a folder and below it, as paths relative to it."""

    root: Path
    images: list[str] = field(default_factory=list)
    bad: Bad = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)  # files of other kinds, by suffix


def scan(root: Path, deep: bool = True) -> Files:
    """Everything in `root`, or `root` itself if it is a file. Links are followed, each folder is entered once.

    Without `deep`, nothing of its sub-folders.
    """
    files = Files(root if root.is_dir() else root.parent)
    if not root.is_dir():
        _sort_in(files, root.name)
        return files
    status = root.stat()
    entered = {(status.st_dev, status.st_ino)}
    for folder, folders, names in os.walk(
        root, followlinks=True, onerror=lambda e: files.bad.append(_unread(files, e))
    ):
        folders[:] = [name for name in sorted(folders) if deep and _may_enter(Path(folder, name), entered)]
        for name in names:
            _sort_in(files, Path(folder, name).relative_to(root).as_posix())
    files.images.sort()
    files.bad.sort()
    return files


def looked_for(ignored: dict[str, int]) -> str:
    """Of a folder without images: what else lies there, and what is an image."""
    others = f"; it holds {counted(ignored)}" if ignored else ", which is empty"
    return f"{others} (looked for {', '.join(SUFFIXES)})"


def count(n: int, what: str) -> str:
    """'1 image', '2,000 images'."""
    return f"{n:,} {what}{'s' * (n != 1)}"


def page_of(name: str) -> tuple[str, int]:
    """The file of an image and its page, counted from 0: scan.tif#2 is ("scan.tif", 1)."""
    file, mark, number = name.rpartition("#")
    paged = mark and number.isdecimal() and Path(file).suffix.lower() in SUFFIXES
    return (file, int(number) - 1) if paged else (name, 0)


def listing(lines: list[str]) -> str:
    """The lines indented, at most 20 of them, then how many more there are."""
    more = [f"… and {len(lines) - MOST} more"] if len(lines) > MOST else []
    text = "\n".join(f"  {line}" for line in [*lines[:MOST], *more])
    return text.encode("utf-8", "backslashreplace").decode()  # a file name may be no valid text


def bad_lines(bad: Bad) -> list[str]:
    return [f"{path}: {reason}" for path, reason in bad]


def counted(counts: dict[str, int]) -> str:
    """'3 .txt, 1 .csv', and of many kinds how many more."""
    return some(f"{n:,} {name}" for name, n in sorted(counts.items(), key=lambda item: -item[1]))


def _sort_in(files: Files, path: str) -> None:
    name, suffix = path.rpartition("/")[2], Path(path).suffix.lower()
    if name.startswith(".") or suffix not in SUFFIXES + FOREIGN:
        files.ignored[suffix or name] += 1
    elif suffix in FOREIGN:
        files.bad.append((path, f"{suffix[1:].upper()} files are not opened; convert it to PNG"))
    elif not (files.root / path).is_file():  # of a pipe not even the beginning may be read
        files.bad.append((path, "a broken link or not a regular file"))
    else:
        files.images.append(path)


def _may_enter(folder: Path, entered: set[tuple[int, int]]) -> bool:
    if folder.name.startswith(".") or folder.name == "__MACOSX":  # thumbnails, checkpoints, resource forks
        return False
    status = folder.stat()
    mark = (status.st_dev, status.st_ino)
    fresh = mark not in entered
    entered.add(mark)
    return fresh


def _unread(files: Files, error: OSError) -> tuple[str, str]:
    return os.path.relpath(error.filename, files.root) + "/", f"cannot be read: {error.strerror}"
