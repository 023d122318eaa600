"""The program: a file comes as standard input, tensors go to standard output as safetensors, a refusal to the other.

It takes away its own rights before it reads a byte of the file. It cannot open anything any more: it writes no file,
reads no other, and has no network. Its memory and its seconds are limited, and its environment is empty.
"""

from __future__ import annotations

import codecs
import json
import mmap
import os
import resource
import sys
from typing import Any

from . import files
from .values import Module, Refused, View

REFUSED, MOST_VALUES, DEEPEST, LONGEST = 3, 200_000, 40, 400  # exit code; values that are looked at, depth, name
PARTS = ("_parameters", "_buffers", "_modules")
CODECS = (
    "ascii",
    "cp437",
    "latin1",
    "raw_unicode_escape",
    "unicode_escape",
    "utf-8",
)  # each a file of Python's library


def main(memory: str, seconds: str, *parts: str) -> None:
    """Read, and write what was found. `parts` are keys of which the first that is there is taken."""
    try:
        for name in CODECS:
            codecs.lookup(name)
        mapped = memoryview(mmap.mmap(0, 0, access=mmap.ACCESS_READ))
        shut(int(memory), int(seconds))
        found = Found(len(mapped))
        found.walk(chosen(files.read(mapped), parts), "", 0)
        found.write()
        os._exit(0)  # there is nothing to close
    except BaseException as error:
        told = str(error) if isinstance(error, Refused) else f"it is damaged ({type(error).__name__}: {error})"
        told = "it needs too much memory" if isinstance(error, MemoryError) else told
        os.write(2, told[:2000].encode("utf-8", "replace"))
        os._exit(REFUSED)


def shut(memory: int, seconds: int) -> None:
    """No file of any size, no further descriptor, no process; so much memory (bytes) and so many seconds of work."""
    limits = {"FSIZE": 0, "NOFILE": 3, "CORE": 0, "NPROC": 0, "CPU": seconds, "AS": memory}
    for name, most in limits.items():
        try:
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))
        except (ValueError, OSError):
            if name in ("FSIZE", "NOFILE", "CPU"):  # macOS has no limit of memory
                raise


def chosen(root: Any, parts: tuple[str, ...]) -> Any:
    """The part of the value that is wanted: the first of these keys that it has, or else all of it."""
    return next((root[part] for part in parts if isinstance(root, dict) and part in root), root)


class Found:
    """The tensors by name, and what modules say of themselves. `most` is how many bytes there can be."""

    def __init__(self, most: int):
        self.most, self.size, self.steps = most, 0, 0
        self.views: dict[str, View] = {}
        self.facts: dict[str, dict[str, Any]] = {}

    def walk(self, value: Any, name: str, depth: int) -> None:
        """All tensors in a value, whatever it is; names are joined by dots."""
        self.steps += 1
        if depth > DEEPEST or len(name) > LONGEST or self.steps > MOST_VALUES:
            raise Refused("its tensors lie too deep, or there are too many")
        if isinstance(value, View):
            self.add(name, value)
        elif isinstance(value, Module):
            self.facts[name] = {str(key): fact for key, fact in value.state.items() if _plain(fact)}
            for part in PARTS:
                self.walk(value.state.get(part) or {}, name, depth + 1)
        elif isinstance(value, dict):
            for key, each in value.items():
                self.walk(each, f"{name}.{key}" if name else str(key), depth + 1)

    def add(self, name: str, view: View) -> None:
        self.size += len(view.bytes())
        if name in self.views or self.size > self.most:
            raise Refused("two tensors have one name, or all of them hold more numbers than the file")
        self.views[name] = view

    def write(self) -> None:
        """The format of safetensors; an axis order that is not the usual one stands beside the facts."""
        header: dict[str, Any] = {}
        place, orders = 0, {}
        for name, view in self.views.items():
            data = view.bytes()
            shape = [view.shape[axis] for axis in view.order]
            header[name] = {"dtype": view.storage.kind, "shape": shape, "data_offsets": [place, place + len(data)]}
            place += len(data)
            if view.order != tuple(range(len(view.order))):
                orders[name] = view.order
        header["__metadata__"] = {"facts": json.dumps(self.facts), "orders": json.dumps(orders)}
        told = json.dumps(header).encode()
        out = sys.stdout.buffer
        out.write(len(told).to_bytes(8, "little") + told)
        for view in self.views.values():
            out.write(view.bytes())
        out.flush()


def _plain(value: Any) -> bool:
    """Is it a number, a short text, True, False or None?"""
    return value is None or isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) < 200)
