"""A pickle read as data: each instruction, of the few that files of weights need, moves values and does nothing else.

Python's own unpickler looks names up and calls them. This one has no such instruction: a name stays a name, a call
becomes one of the records in values.py, and every other instruction ends the reading.
"""

from __future__ import annotations

from collections.abc import Callable
from pickletools import genops
from typing import Any

from . import names
from .values import Dtype, Name, Refused

STEPS, DEEPEST, WIDEST = 400_000, 64, 4096  # instructions; marks inside each other; characters of a name
PLAIN = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
}  # instructions whose argument is the value
FIXED: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
KEYS = (str, int, float, bytes, bool, type(None))  # that a dictionary may have


class Machine:
    """Reads one pickle. `storage` makes numbers of a persistent id, `inner` reads a file that lies in this one."""

    def __init__(self, storage: Callable[[Any], Any], inner: Callable[[bytes], Any]):
        self.storage, self.inner = storage, inner
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []  # the stacks under each mark
        self.memo: dict[int, Any] = {}

    def run(self, file: Any) -> Any:
        """The value of the pickle at which the file stands; afterwards it stands behind it. Refused for all else."""
        for step, (op, argument, _) in enumerate(genops(file)):
            if step > STEPS:
                raise Refused(f"it has more than {STEPS:,} instructions")
            name = op.name
            if name in PLAIN:
                self.stack.append(argument)
            elif name in FIXED:
                self.stack.append(FIXED[name])
            elif name == "STOP":
                return self.pop()
            elif (act := getattr(self, f"do_{name.lower()}", None)) is not None:
                act(argument)
            else:
                raise Refused(f"it has the instruction {name}, which no file of weights needs")
        raise Refused("it has no end")

    def pop(self) -> Any:
        if not self.stack:
            raise Refused("it takes a value that is not there")
        return self.stack.pop()

    def last(self, kind: type) -> Any:
        if not (self.stack and type(self.stack[-1]) is kind):
            raise Refused(f"it changes what is no {kind.__name__}")
        return self.stack[-1]

    def marked(self) -> list[Any]:
        """All values since the last mark, which is taken away."""
        if not self.below:
            raise Refused("it lacks a mark")
        found, self.stack = self.stack, self.below.pop()
        return found

    def put(self, values: list[Any]) -> None:
        """Keys and their values, in turn, into the dictionary on top."""
        target = self.last(dict)
        if len(values) % 2:
            raise Refused("a dictionary has a key without a value")
        for key, value in zip(values[::2], values[1::2], strict=True):
            if not isinstance(key, KEYS):
                raise Refused(f"a dictionary has a key that is a {type(key).__name__}")
            target[key] = value

    def do_proto(self, version: int) -> None:
        if version > 5:
            raise Refused(f"it is of protocol {version}")

    def do_frame(self, size: int) -> None:
        """How much is to be read at once; nothing here depends on it."""

    def do_mark(self, _: None) -> None:
        if len(self.below) >= DEEPEST:
            raise Refused(f"its values lie in each other more than {DEEPEST} times")
        self.below.append(self.stack)
        self.stack = []

    def do_pop(self, _: None) -> None:
        self.pop()

    def do_empty_dict(self, _: None) -> None:
        self.stack.append({})

    def do_empty_list(self, _: None) -> None:
        self.stack.append([])

    do_empty_set = do_empty_list  # nothing here asks whether a set has something

    def do_tuple(self, _: None) -> None:
        values = self.marked()
        self.stack.append(tuple(values))

    def do_list(self, _: None) -> None:
        values = self.marked()
        self.stack.append(values)

    def do_dict(self, _: None) -> None:
        values = self.marked()
        self.stack.append({})
        self.put(values)

    def do_tuple1(self, _: None) -> None:
        self.stack.append((self.pop(),))

    def do_tuple2(self, _: None) -> None:
        second = self.pop()
        self.stack.append((self.pop(), second))

    def do_tuple3(self, _: None) -> None:
        third, second = self.pop(), self.pop()
        self.stack.append((self.pop(), second, third))

    def do_append(self, _: None) -> None:
        value = self.pop()
        self.last(list).append(value)

    def do_appends(self, _: None) -> None:
        values = self.marked()
        self.last(list).extend(values)

    do_additems = do_appends

    def do_setitem(self, _: None) -> None:
        value, key = self.pop(), self.pop()
        self.put([key, value])

    def do_setitems(self, _: None) -> None:
        values = self.marked()
        self.put(values)

    def do_memoize(self, _: None) -> None:
        self.do_put(len(self.memo))

    def do_put(self, place: int) -> None:
        if not self.stack:
            raise Refused("it keeps a value that is not there")
        self.memo[place] = self.stack[-1]

    do_binput = do_long_binput = do_put

    def do_get(self, place: int) -> None:
        if place not in self.memo:
            raise Refused("it recalls a value that was not kept")
        self.stack.append(self.memo[place])

    do_binget = do_long_binget = do_get

    def do_global(self, both: str) -> None:
        module, _, name = both.partition(" ")
        self.stack.append(names.check(Name(module, name)))

    def do_stack_global(self, _: None) -> None:
        name, module = self.pop(), self.pop()
        if not (isinstance(name, str) and isinstance(module, str) and len(name) + len(module) < WIDEST):
            raise Refused("it names what is no name")
        self.stack.append(names.check(Name(module, name)))

    def do_reduce(self, _: None) -> None:
        given, name = self.pop(), self.pop()
        value = names.call(name, given)
        if name == names.STORED:
            if not isinstance(value, bytes):
                raise Refused("a file in the file is no bytes")
            value = self.inner(value)
        self.stack.append(value)

    def do_newobj(self, _: None) -> None:
        given, name = self.pop(), self.pop()
        self.stack.append(names.made(name, given))

    def do_build(self, _: None) -> None:
        """Only a type of numbers learns its order of bytes; attributes of dictionaries are left out."""
        state = self.pop()
        on = self.stack[-1] if self.stack else None
        if isinstance(on, Dtype) and isinstance(state, tuple) and len(state) > 1:
            on.order = str(state[1])
        elif type(on) is not dict:
            raise Refused(f"it sets attributes of a {type(on).__name__}")

    def do_binpersid(self, _: None) -> None:
        self.stack.append(self.storage(self.pop()))
