"""What a pickle is read as: plain values, and records that can do nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}  # bytes
KINDS = {
    "DoubleStorage": "F64",
    "FloatStorage": "F32",
    "HalfStorage": "F16",
    "BFloat16Storage": "BF16",
    "LongStorage": "I64",
    "IntStorage": "I32",
    "ShortStorage": "I16",
    "CharStorage": "I8",
    "ByteStorage": "U8",
    "BoolStorage": "BOOL",
}  # of numbers, by torch's name of a storage


class Refused(Exception):
    """The file asks for what this reader does not do, or is damaged."""


class Name(NamedTuple):
    """A function or a class that a pickle names. It is never looked up."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass
class Storage:
    """Numbers in a row. `data` is filled in when their place in the file is known."""

    kind: str  # of SIZES
    count: int
    data: memoryview = field(default_factory=lambda: memoryview(b""))

    def fill(self, data: memoryview) -> None:
        """Refused unless there are as many bytes as there must be."""
        if len(data) != self.count * SIZES[self.kind]:
            raise Refused(f"a storage of {self.count} numbers has {len(data)} bytes")
        self.data = data


@dataclass
class View:
    """A tensor: every number of a stretch of a storage once, in some order of its axes."""

    storage: Storage
    start: int
    shape: tuple[int, ...]
    order: tuple[int, ...]  # its axes as the numbers lie, from the slowest to the fastest

    @property
    def count(self) -> int:
        total = 1
        for side in self.shape:
            total *= side
        return total

    def bytes(self) -> memoryview:
        """Its numbers as they lie. Refused if they are not there."""
        size = SIZES[self.storage.kind]
        found = self.storage.data[self.start * size : (self.start + self.count) * size]
        if len(found) != self.count * size:
            raise Refused("a tensor's storage is not in the file")
        return found


@dataclass
class Module:
    """An object of NVIDIA's `persistent_class`, without the code that comes along: the state it was saved with."""

    state: dict[Any, Any]


@dataclass
class Dtype:
    """A type of NumPy's numbers, such as f8, and its order of bytes."""

    code: str
    order: str = "<"


def view(storage: Any, start: Any, shape: Any, stride: Any) -> View:
    """A tensor of a storage. Refused if it reaches beyond it, or counts a number twice."""
    lists = isinstance(shape, tuple) and isinstance(stride, tuple)
    if not (isinstance(storage, Storage) and lists and len(shape) == len(stride) <= 8):
        raise Refused("a tensor is not made of a storage, a size and strides")
    if not all(type(number) is int and 0 <= number < 1 << 48 for number in (start, *shape, *stride)):
        raise Refused("a tensor's offset, size and strides must be whole numbers, 0 or more")
    axes = [axis for axis in range(len(shape)) if shape[axis] != 1]
    order = sorted(axes, key=lambda axis: -stride[axis])
    dense = 1
    for axis in reversed(order):
        if stride[axis] != dense and 0 not in shape:
            raise Refused(f"a tensor of shape {list(shape)} with strides {list(stride)} is not dense in its storage")
        dense *= shape[axis]
    if start + dense > storage.count:
        raise Refused(f"a tensor of shape {list(shape)} reaches beyond its storage of {storage.count} numbers")
    ones = [axis for axis in range(len(shape)) if shape[axis] == 1]
    return View(storage, start, shape, (*order, *ones))
