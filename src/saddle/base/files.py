"""Files that survive a crash, names that are safe, and Python files that are read without running them."""

import ast
import errno
import fcntl
import os
import secrets
import shlex
import shutil
import signal
import stat
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from threading import RLock, current_thread, main_thread
from typing import BinaryIO, NoReturn

from .errors import UsageError

KEPT = " ._-,()+=@"  # in a file's name, beside letters, digits and marks of any script
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{i}" for port in ("com", "lpt") for i in range(10))}  # by Windows
ENDING = (signal.SIGTERM, signal.SIGHUP)  # signals that end a process unless it says otherwise
PARSING = RLock()  # CPython 3.11 counts the depth of a syntax tree in a place that all threads share


def sync(path: Path) -> None:
    """Wait until the disk has this file, or this folder's list of names."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def reserve(path: Path) -> None:
    """Make the disk give room for every byte of the file now: to a map of it a full disk would be a killed process."""
    handle = os.open(path, os.O_RDWR)
    try:
        os.posix_fallocate(handle, 0, os.fstat(handle).st_size)
    except AttributeError:  # macOS has no such call
        pass
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):  # of disks that cannot do so
            raise
    finally:
        os.close(handle)


def replace(path: str | os.PathLike[str], data: bytes) -> Path:
    """Make `data` the content of the file at once, creating its folder: a crash leaves the old content or the new."""
    with replacing(path) as file:
        file.write(data)
    return Path(path)


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write, piece by piece; at the end it takes the place of `path` at once, as `replace` does."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part, handle = _part(path)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def check_new(folder: Path) -> None:
    """UsageError unless a folder can be made there, or an empty one is there."""
    try:
        why = _hindrance(folder)
    except (OSError, ValueError) as error:  # of a name that is too long, or is none
        why = f"cannot be made: {getattr(error, 'strerror', None) or error}"
    if why:
        raise UsageError(f"{folder} {why}: choose another --out")


def _hindrance(folder: Path) -> str:
    """Why no folder can be made there; "" if one can."""
    if folder.absolute().name in ("", "..") or "\0" in str(folder):
        return "is not a name for a new folder"
    if folder.is_symlink():
        return "is a link, and a new folder cannot take its place"
    if folder.exists():
        if not folder.is_dir() or any(folder.iterdir()):
            return "exists and is not an empty folder; nothing is overwritten"
        return "is the folder that you are in" if folder.samefile(Path.cwd()) else ""
    above = next(each for each in folder.absolute().parents if os.path.lexists(each))
    if not above.is_dir():
        return f"cannot be made, for {above} is not a folder"
    return "" if os.access(above, os.W_OK | os.X_OK) else f"cannot be made, for you may not write in {above}"


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A folder to fill, under another name; at the end it takes the place of `folder`; after an error it is gone."""
    with part_folder(folder) as part:
        yield part
        if folder.exists():
            folder.rmdir()  # it is empty
        part.rename(folder)


@contextmanager
def part_folder(path: Path) -> Iterator[Path]:
    """An empty folder beside `path`, absolute. What is left in it at the end is gone, after an error too.

    So it is after a signal that asks the process to end; what a kill leaves goes when the same `path` is made again.
    Its name is new each time: two may make the same `path`.
    """
    with _ending_with_an_exception():
        part, handle = _part_folder(path.absolute())
        try:
            yield part
        finally:
            shutil.rmtree(part, ignore_errors=True)
            os.close(handle)


@contextmanager
def _ending_with_an_exception() -> Iterator[None]:
    """Inside, a signal that would end the process at once raises SystemExit, and a second one ends it.

    A signal that the host program ignores or handles itself stays its business, as all are outside the main thread.
    """

    def leave(number: int, frame: object) -> NoReturn:
        signal.signal(number, signal.SIG_DFL)
        raise SystemExit(128 + number)  # as a shell counts them

    main = current_thread() is main_thread()
    taken = [kind for kind in ENDING if main and signal.getsignal(kind) == signal.SIG_DFL]
    try:
        for kind in taken:
            signal.signal(kind, leave)
        yield
    finally:
        for kind in taken:
            signal.signal(kind, signal.SIG_DFL)


def safe_name(text: str, most: int = 200) -> str:
    """A file's name, without its suffix, of any text: of one that is such a name already, the text itself.

    It is no path, has at most `most` bytes, begins with neither a dot nor a dash, and every system takes it. Of a text
    that had to change it ends with a mark of the text, so that two texts do not become one name.
    """
    text_ = unicodedata.normalize("NFC", text)
    name = "".join(c if c in KEPT or unicodedata.category(c)[0] in "LNM" else "-" for c in text_)
    name = name.lstrip(" .-").rstrip(" .")
    if name.partition(".")[0].strip().lower() in RESERVED:
        name = f"_{name}"
    if name and name == text_ and len(name.encode()) <= most:
        return name
    mark = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    short = name.encode()[: most - 1 - len(mark)].decode(errors="ignore").rstrip(" .-")
    return f"{short}-{mark}".lstrip("-")


def safe_names(paths: Sequence[str], most: int = 200) -> list[str]:
    """Of sub/seven sub-seven, as safe names, no two alike."""
    names = [safe_name(path.replace("/", "-"), most) for path in paths]
    often = Counter(names)
    pairs = zip(paths, names, strict=True)
    return [safe_name(f"{path}/", most) if often[name] > 1 else name for path, name in pairs]  # the slash brings a mark


def _part(path: Path) -> tuple[Path, int]:
    """A new file beside `path`, which is ours until it is closed. Its name is the same each time, so that what a kill
    leaves goes with the next attempt; unless another process is writing the same file just now.
    """
    name = path.name if len(path.name.encode("utf-8", "surrogateescape")) <= 200 else safe_name(path.name)
    part = path.with_name(f".{name}.part")  # of at most 255 bytes
    clear(part)
    while True:
        try:
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)  # less what the user's umask takes
        except FileExistsError:
            part = path.with_name(f".{name}.{secrets.token_hex(4)}.part")
            continue
        if _is_ours(part, handle):
            return part, handle


def _part_folder(path: Path) -> tuple[Path, int]:
    """A new folder beside `path`, which is ours until the handle is closed. Those that killed processes left go."""
    path.parent.mkdir(parents=True, exist_ok=True)
    name = f".{safe_name(path.name)}"
    for old in path.parent.glob(f"{name}.{'[0-9a-f]' * 16}.part"):
        clear(old, shutil.rmtree)
    while True:
        part = path.with_name(f"{name}.{secrets.token_hex(8)}.part")
        part.mkdir()
        with suppress(FileNotFoundError):  # cleared before it was opened
            handle = os.open(part, os.O_RDONLY)
            if _is_ours(part, handle):
                return part, handle


def _is_ours(part: Path, handle: int) -> bool:
    """Lock what was just made, until the handle is closed: the system itself lets go of it when a process is killed.

    False, and the handle is closed, if another process cleared it before.
    """
    with suppress(OSError):  # a file system without locks: there nothing is cleared
        fcntl.flock(handle, fcntl.LOCK_EX)
    if _is_there(part, handle):
        return True
    os.close(handle)
    return False


def _is_there(part: Path, handle: int) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(handle), os.stat(part))
    return False


def clear(part: Path, remove: Callable[[Path], object] = Path.unlink) -> None:
    """Remove the part of a file that was never finished, if nobody is writing it; of a folder with shutil.rmtree."""
    with suppress(OSError):
        handle = os.open(part, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_there(part, handle):  # else it was finished meanwhile
                remove(part)
        finally:
            os.close(handle)


def regular(path: str | os.PathLike[str]) -> BinaryIO:
    """The file, open to be read. OSError for a folder, a pipe or a device, which would keep one waiting for ever."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return os.fdopen(handle, "rb")


def quoted(path: Path) -> str:
    """A path as a shell takes it for one word, and a command not for an option: for commands that are to be copied."""
    text = path.as_posix()
    return shlex.quote(f"./{text}" if text.startswith("-") else text)


@lru_cache(maxsize=128)
def parsed(text: str) -> ast.Module:
    """The syntax tree of a Python file's text, one thread at a time; it is kept, for the same files are asked often."""
    with PARSING:
        return ast.parse(text)
