"""What goes wrong, and what is to be said, while a command goes through files: reported once at the end."""

import errno
from collections import defaultdict
from typing import TYPE_CHECKING

from ..base.errors import SaddleError, UsageError, remark, some

if TYPE_CHECKING:
    from ..data.files import Bad

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)  # of a disk that takes no file at all


class Gathering:
    """Of one command."""

    def __init__(self) -> None:
        self.bad: Bad = []  # files of which nothing came, with the reason
        self.notes: dict[str, dict[str, None]] = defaultdict(dict)  # what is to be said → files that it is said of

    def failed(self, name: str, error: Exception) -> None:
        """Remember that nothing came of a file. Raises what is a bug, and what no other file would survive either."""
        from ..data.decode import Unreadable

        if isinstance(error, OSError) and not isinstance(error, BrokenPipeError) and error.errno not in FULL:
            self.bad.append((name, f"not written: {error.filename or ''}: {error.strerror}"))
        elif isinstance(error, Unreadable | SaddleError):
            self.bad.append((name, str(error)))
        else:
            raise error

    def tell(self) -> None:
        """Say once what was done, with the files that it was done to."""
        for note, names in self.notes.items():
            which = next(iter(names)) if len(names) == 1 else f"{len(names):,} files ({some(names, 3)})"
            remark(f"{which}: {note}")

    def end(self, done: int, skip_bad: bool) -> None:
        """SaddleError names the files of which nothing came; UsageError if nothing came of any.

        `skip_bad`: the run's data leave out bad files, and this is only reported.
        """
        from ..data.files import bad_lines, count, listing

        if not self.bad:
            return
        lines = listing(bad_lines(self.bad))
        if done and skip_bad:
            remark(f"left out, as data.skip_bad says:\n{lines}")
            return
        raise (SaddleError if done else UsageError)(f"{count(len(self.bad), 'file')} failed:\n{lines}")
