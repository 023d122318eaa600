"""How far long work is, on stderr: nothing is shown of short work."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import IO, TYPE_CHECKING, cast

from ..base import telling

if TYPE_CHECKING:
    from ..show.progress import Count

PATIENCE = 3.0  # seconds


@contextmanager
def shown(what: str) -> Iterator[None]:
    """Inside, progress is shown once the work takes longer than people like to wait without a sign."""
    begun = monotonic()
    count: Count | None = None

    def hear(told: str, done: int, total: int) -> None:
        nonlocal count
        if told != what or monotonic() - begun < PATIENCE:
            return
        count = count or _count(what, total)
        count.update(done)

    try:
        with telling.heard(hear):
            yield
    finally:
        if count:
            count.__exit__()


def _count(what: str, total: int) -> "Count":
    from rich.console import Console

    from ..show.outlet import Outlet
    from ..show.progress import Count

    return Count(what, total, Console(file=cast(IO[str], Outlet(sys.stderr))), first=False).__enter__()
