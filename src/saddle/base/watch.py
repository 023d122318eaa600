"""Whether all processes of a training live: each says so to the first one every few seconds, and the first to all.

A process that dies closes its connection, and one that hangs says nothing any more. A thread speaks and listens, so a
process may score, draw or decode for hours while the others wait for it. The library that carries the gradients would
notice the dead at once or after hours, and the hanging never: it cannot know them from the busy.
"""

import hmac
import math
import os
import secrets
import selectors
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Protocol

from .errors import AGAIN, SaddleError

BEAT = 3.0  # seconds between two words
SILENCE = 12  # beats without a word until a process counts as gone
GRACE = 3  # beats in which a process may notice by itself that another one ended, and say more
_ALIVE, _LEFT = b".", b"-"


class ProcessLost(SaddleError):
    """Another process of this training ended, or hangs."""

    code = AGAIN

    def __init__(self, what: str):
        super().__init__(
            f"another process of this training is gone: {what}; the checkpoints are intact, and the same command "
            "goes on"
        )


class Store(Protocol):
    """Where the processes leave notes for each other; torch's stores are."""

    def set(self, key: str, value: str) -> None: ...

    def get(self, key: str) -> bytes: ...


@contextmanager
def watched(store: Store, rank: int, world: int, seconds: float) -> Iterator[None]:
    """Inside, this process ends, with a sentence, when another one is gone. They have `seconds` to find each other.

    Who leaves says so; the others then have as long as a silence to leave too.
    """
    if world == 1:
        yield
        return
    watch = Watch(_called(store, rank, seconds) if rank else _callers(store, world, seconds))
    try:
        yield
    finally:
        watch.leave()


def _callers(store: Store, world: int, seconds: float) -> dict[int, socket.socket]:
    """The first process's connections to all others. Who does not know the token is a stranger."""
    links: dict[int, socket.socket] = {}
    token = secrets.token_hex(16)
    with _server() as server:
        server.settimeout(seconds)
        store.set("watch", f"{server.getsockname()[1]} {token}")
        while len(links) < world - 1:
            link = server.accept()[0]
            link.settimeout(10)
            with suppress(OSError, ValueError), link.makefile("rb") as file:
                said, _, rank = file.read(64).decode("ascii").partition(" ")
                if hmac.compare_digest(said, token):
                    links[int(rank)] = link
                    continue
            link.close()
    return links


def _server() -> socket.socket:
    if socket.has_dualstack_ipv6():
        return socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", 0))


def _called(store: Store, rank: int, seconds: float) -> dict[int, socket.socket]:
    """Another process's connection to the first."""
    port, token = store.get("watch").decode().split()
    link = socket.create_connection((os.environ["MASTER_ADDR"], int(port)), timeout=seconds)
    link.sendall(f"{token} {rank}".ljust(64).encode())
    return {0: link}


class Watch:
    """The thread that speaks on the links, by the rank at their other end, and listens."""

    def __init__(self, links: dict[int, socket.socket]):
        self.links = links
        self.silent = dict.fromkeys(links, 0)  # beats since the last word of those that are there
        self.patience, self.why = math.inf, ""  # beats until this process ends, and the reason
        self.left = False
        self.bell, self.ear = socket.socketpair()  # a thread that listens is woken by a connection only
        for link in links.values():
            link.setblocking(False)
        self.thread = Thread(target=self._watch, name="saddle-watch", daemon=True)
        self.thread.start()

    def leave(self) -> None:
        """Say that this process leaves, and stop watching."""
        self.left = True
        self.bell.close()
        self.thread.join()
        for link in self.links.values():
            with suppress(OSError):
                link.send(_LEFT)
            link.close()

    def _watch(self) -> None:
        with self.ear, selectors.DefaultSelector() as selector:
            selector.register(self.ear, selectors.EVENT_READ)
            for rank, link in self.links.items():
                selector.register(link, selectors.EVENT_READ, rank)
            due = time.monotonic()
            while not self.left:
                for key, _ in selector.select(max(0.0, due - time.monotonic())):
                    if key.data is not None and not self._hear(key.data):
                        selector.unregister(key.fileobj)
                if time.monotonic() >= due:
                    due = time.monotonic() + BEAT  # one beat, however long a machine or a job as a whole was asleep
                    self._beat()

    def _hear(self, rank: int) -> bool:
        """Take in what a process says; False if it will say no more."""
        try:
            said = self.links[rank].recv(4096)
        except BlockingIOError:
            return True
        except OSError:
            said = b""
        if said and _LEFT not in said:
            self.silent[rank] = 0
            return True
        del self.silent[rank]
        if said:
            self._expect(SILENCE, f"process {rank} has left")
        else:
            self._expect(GRACE, f"process {rank} has ended")
        return False

    def _beat(self) -> None:
        self.patience -= 1
        for rank in self.silent:
            with suppress(OSError):  # what is wrong with a link is read from it
                self.links[rank].send(_ALIVE)
            self.silent[rank] += 1
            if self.silent[rank] > SILENCE:
                self._expect(0, f"nothing came from process {rank} for {SILENCE * BEAT:.0f} seconds")
        if self.patience <= 0 and not self.left:
            self._end()

    def _expect(self, beats: int, why: str) -> None:
        if beats < self.patience:
            self.patience, self.why = beats, why

    def _end(self) -> None:
        """Nothing wakes a thread that waits inside torch, so the process ends: what is on the disk survives it."""
        show_cursor = "\x1b[?25h" if os.isatty(2) else ""  # which a live display has hidden
        os.write(2, f"{show_cursor}saddle: {ProcessLost(self.why)}\n".encode())
        os._exit(ProcessLost.code)
