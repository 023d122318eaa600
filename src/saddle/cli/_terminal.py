"""The standard streams of a command, whatever they are: closed, full, gone, or of an encoding with few characters."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, suppress
from typing import Any

from ..show.outlet import Outlet


@contextmanager
def streams() -> Iterator[None]:
    """Inside, both can be written to, and standard error never fails. Afterwards Python has no complaint at its exit.

    A failure of standard output is the command's business: it is there that its results go.
    """
    fill()
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  # as long as the process
        with suppress(Exception):  # a stream of somebody else's, which says itself what it cannot encode
            getattr(sys, name).reconfigure(errors="saddle.plain")
    try:
        with redirect_stderr(Outlet(sys.stderr)):
            yield
    finally:
        settle(sys.stdout)
        settle(sys.stderr)


def fill() -> None:
    """Open what is closed of the descriptors 0, 1 and 2, or the next file would get its number, and what is said."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free


def settle(stream: Any) -> None:
    """Write what waits to be written, or else forget it: at its exit, Python would complain and leave with code 120."""
    try:
        stream.flush()
    except (OSError, ValueError):
        with suppress(Exception):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
            stream.flush()
