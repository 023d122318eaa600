"""What long work says of itself while it goes on, to whoever listens; without a listener it is silent."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")
Listener = Callable[[str, int, int], None]
_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def heard(by: Listener) -> Iterator[None]:
    """Inside, `by(what, done, total)` gets what is passed to `now` in this thread."""
    token = _listener.set(by)
    try:
        yield
    finally:
        _listener.reset(token)


def now(what: str, done: int = 0, total: int = 0) -> None:
    """This is what is done now, so much of so much; a total of 0 is not known."""
    if listener := _listener.get():
        listener(what, done, total)


def each(what: str, items: Iterable[T], total: int) -> Iterator[T]:
    """The items; how many have come is reported."""
    if total:
        now(what, 0, total)
    for done, item in enumerate(items, 1):
        yield item
        now(what, done, total)
