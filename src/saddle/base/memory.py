"""How much memory there is, asked before much of it is taken: what takes too much is killed without a word."""

from collections.abc import Iterator
from pathlib import Path

from .errors import SaddleError

PROC, GROUPS = Path("/proc"), Path("/sys/fs/cgroup")
# The limit of a group of processes, what it uses, and how much of that are files that are let go of when need be.
_FILES = {
    "": ("memory.max", "memory.current", "inactive_file"),  # version 2, all in one place
    "memory": ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),  # version 1
}


def check_fits(needed: int, what: str) -> None:
    """SaddleError if `what` needs more bytes of memory than there are."""
    free = available()
    if free is not None and needed > free:
        raise SaddleError(
            f"{what} take {needed:,} bytes of memory, and {free:,} are available; ask for a smaller data.size, or give "
            "fewer samples"
        )


def available() -> int | None:
    """Bytes that this process could still take, as the machine and its container say; None if neither does."""
    return min([*_of_machine(), *_of_groups()], default=None)


def most_taken() -> int | None:
    """Bytes of memory that this process has had at most; None where the system does not say.

    Of the process alone: what getrusage says would carry over the parent's from before exec.
    """
    try:
        lines = (PROC / "self" / "status").read_text().splitlines()
    except OSError:  # not Linux
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), None)


def _of_machine() -> Iterator[int]:
    try:
        lines = dict(line.split(":") for line in (PROC / "meminfo").read_text().splitlines())
        yield int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, ValueError, KeyError):  # not Linux
        return


def _of_groups() -> Iterator[int]:
    """Of every group that this process is in, from its own up to the outermost."""
    try:
        lines = [line.split(":", 2) for line in (PROC / "self" / "cgroup").read_text().splitlines()]
    except OSError:
        return
    for _, names, path in lines:
        for kind in {*names.split(",")} & {*_FILES}:
            inner = Path(path.lstrip("/"))
            for group in (inner, *inner.parents):
                yield from _of_group(GROUPS / kind / group, *_FILES[kind])


def _of_group(folder: Path, limit: str, used: str, idle: str) -> Iterator[int]:
    try:
        most, now = (int((folder / name).read_text()) for name in (limit, used))
        about = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        yield max(most - now + int(about[idle]), 0)
    except (OSError, ValueError, KeyError):  # no limit is the word max
        return
