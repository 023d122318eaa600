"""The files that a command reads and writes: every input with its output, found before anything is done."""

import os
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.errors import UsageError, some
from . import _images, _write

if TYPE_CHECKING:
    from ..data.files import Bad, Files
    from ..data.options import DataOptions
    from ..use.writing import Form


@dataclass(frozen=True)
class Work:
    """An image of a file, and where its result goes."""

    path: Path
    page: int  # counted from 0
    name: str  # of the file below its input, what its random numbers depend on
    out: Path

    @property
    def title(self) -> str:
        """The path as it was given, and the page if it is a further one."""
        return str(self.path) + (f"#{self.page + 1}" if self.page else "")

    def ended(self, ending: str) -> Path:
        """Where the result goes that has this ending behind its name."""
        return self.out.with_name(f"{self.out.stem}{ending}{self.out.suffix}") if ending else self.out


@dataclass(frozen=True)
class Plan:
    """All works of a command."""

    works: Sequence[Work]
    bad: "Bad"  # files that hold no image that could be opened, with the reason
    out: Path
    many: bool  # is `out` a folder?


@dataclass(frozen=True)
class Names:
    """How results are called."""

    out: Path | None
    word: str  # what the command makes, in names that are not given
    form: "Form"
    flat: bool = False
    suffix: str = ""  # behind a name
    endings: Sequence[str] = ("",)  # behind the names of the results of each input
    skip: bool = False  # may the folder hold results already?
    folder: bool = False  # do results go into a folder, even that of one input?


def plan(inputs: Sequence[Path], names: Names, options: "DataOptions") -> Plan:
    """UsageError for what is not there, for two inputs with one output, and for what would be overwritten."""
    bad: Bad = []
    out = names.out or Path(_default(inputs, names.word))
    found = [each for path in inputs for each in _found(path, len(inputs) > 1, options, bad, out)]
    if not found and not bad:
        raise UsageError(f"no image in {some(map(str, inputs), 5)}")
    several = len(found) != 1 or len(names.endings) > 1
    many = several or names.folder or inputs[0].is_dir() or (names.out is not None and names.out.is_dir())
    if many:
        if not names.skip:
            _write.check_folder(out)
        elif out.exists() and not out.is_dir():
            raise UsageError(f"{out} is not a folder; choose another")
        works = [replace(work, out=out / _named(below, work, names)) for below, work in found]
        _check_alone(works, names.endings)
    else:
        works = [replace(found[0][1], out=_file(out, found[0][1], names))]
    return Plan(works, bad, out, many)


def listed(inputs: Sequence[Path], options: "DataOptions") -> tuple[list[Work], "Bad"]:
    """All images of the inputs, and the files that hold none. UsageError for what is not there."""
    bad: Bad = []
    works = [work for path in inputs for _, work in _found(path, False, options, bad, None)]
    if not works and not bad:
        raise UsageError(f"no image in {some(map(str, inputs), 5)}")
    return works, bad


def partner(work: Work, folder: Path) -> Path | None:
    """The file in a folder that belongs to a work: of the same name, whatever its suffix; None if there is none.

    A file is that of every work.
    """
    from ..data.files import SUFFIXES

    if not folder.is_dir():
        return folder
    own = Path(work.name)
    for name in (own, Path(own.name)):
        there = (folder / name.with_suffix(suffix) for suffix in (own.suffix, *SUFFIXES))
        if path := next((path for path in there if path.is_file()), None):
            return path
    return None


def partners(works: Sequence[Work], place: Path, what: str) -> None:
    """UsageError unless every work has its partner there."""
    if not place.exists():
        raise UsageError(f"{what} {place}: there is no such file or folder")
    if missing := [work.name for work in works if partner(work, place) is None]:
        raise UsageError(f"{what} {place} has no image of the same name for {some(missing, 5)}")


def _found(
    path: Path, several: bool, options: "DataOptions", bad: "Bad", out: Path | None
) -> Iterator[tuple[str, Work]]:
    """Every image of an input, with its place below the output. What lies in `out` is a result, and no input."""
    from ..data.files import page_of, scan
    from ..data.sources.folder import taken

    if not path.exists():
        raise UsageError(f"there is no {path}; give an image or a folder of images")
    files = scan(path)
    if path.is_dir() and out is not None:
        _leave_out(files, out)
    names = files.images
    if options.pages == "all":
        names = [*taken(files, replace(options, limit=None))]
    bad += [(str(files.root / name), reason) for name, reason in files.bad]
    above = f"{Path(os.path.abspath(path)).name}/" if several and path.is_dir() else ""
    for name in names:
        file, page = page_of(name)
        yield above + file, Work(files.root / file, page, name, Path())


def _leave_out(files: "Files", out: Path) -> None:
    """The results of an earlier time, where they lie in a folder within that of the inputs."""
    below = os.path.relpath(os.path.realpath(out), os.path.realpath(files.root))
    if below == ".":
        raise UsageError(
            f"--out {out} is the folder of the inputs, where results would be taken for inputs the next time; choose "
            "another"
        )
    files.images = [name for name in files.images if not name.startswith(f"{below}/")]
    files.bad = [(name, reason) for name, reason in files.bad if not name.startswith(f"{below}/")]


def _named(below: str, work: Work, names: Names) -> str:
    """Where the result lies below the folder of results."""
    place = Path(below)
    page = f"-{work.page + 1}" if work.page else ""
    name = f"{place.stem}{page}{names.suffix}{names.form.of(place.name)}"
    return name if names.flat else (place.parent / name).as_posix()


def _file(out: Path, work: Work, names: Names) -> Path:
    """The name of the one result. UsageError for one that says no format, and for a file that is there."""
    if names.out is None:
        out = out.with_name(out.name + names.form.of(work.name))
    if out.exists() and not names.skip:
        raise UsageError(f"{out} exists; choose another name with --out, so that nothing is overwritten")
    return out


def _default(inputs: Sequence[Path], word: str) -> str:
    """NAME-word of one input, word-images of several."""
    return _images.beside(inputs[0], word) if len(inputs) == 1 else f"{word}-images"


def key(path: Path) -> str:
    """The same for two names of one file, for a system too that does not tell A from a."""
    return unicodedata.normalize("NFC", os.path.abspath(path)).casefold()


def _check_alone(works: Sequence[Work], endings: Sequence[str]) -> None:
    """UsageError if two works have one output, or one has an input's place."""
    by_out: dict[str, Work] = {}
    inputs = {key(work.path) for work in works}
    for work, out in ((work, work.ended(ending)) for work in works for ending in endings):
        if key(out) in inputs:
            raise UsageError(f"{out} is an input; choose another --out, or a --suffix, so that nothing is overwritten")
        if other := by_out.get(key(out)):
            if (other.path, other.page) == (work.path, work.page):
                raise UsageError(f"{work.path} is given twice; keep one of them")
            raise UsageError(
                f"{other.path} and {work.path} would both become {out}; give --format same, translate them one "
                "after the other, or rename one"
            )
        by_out[key(out)] = work
