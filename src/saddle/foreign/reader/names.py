"""The few names that a pickle of weights may hold, each with what it stands for here. All others are refused."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from .values import KINDS, Dtype, Module, Name, Refused, view

LETTERS = {"f8": "d", "f4": "f", "f2": "e", "i8": "q", "i4": "i", "i2": "h", "i1": "b", "u1": "B", "b1": "?"}


def check(name: Name) -> Name:
    """The name. Refused, with the name in the message, if it is not one of the known ones."""
    if name in CALLS or name in CLASSES or name in WORDS or (name.module == "torch" and name.name in KINDS):
        return name
    raise Refused(f"it names {str(name)[:80]!r}, which no file of weights needs: to load it could run code")


def call(name: Any, given: Any) -> Any:
    """What a call of a name stands for. Nothing is called that the file brings."""
    if not (isinstance(name, Name) and name in CALLS and isinstance(given, tuple)):
        raise Refused(f"it calls {str(name)[:80]!r}, which is not to be called")
    try:
        return CALLS[name](*given)
    except TypeError:
        raise Refused(f"it calls {name} with what that does not take") from None


def made(name: Any, given: Any) -> Any:
    """A new object of a class: only dictionaries, and empty."""
    if isinstance(name, Name) and name in CLASSES and given == ():
        return {}
    raise Refused(f"it makes an object of {str(name)[:80]!r}")


def _tensor(storage: Any, start: Any, shape: Any, stride: Any, *rest: Any) -> Any:
    return view(storage, start, shape, stride)


def _parameter(tensor: Any, *rest: Any) -> Any:
    return tensor


def _dictionary(pairs: Any = ()) -> dict[Any, Any]:
    if pairs not in ((), []):
        raise Refused("a dictionary is made from pairs, which no writer of weights does")
    return {}


def _listed(items: Any = ()) -> list[Any]:
    if not isinstance(items, list):
        raise Refused("a set is made of what is no list")
    return items


def _module(meta: Any) -> Module:
    """An object of `persistent_class`; the code in `meta` is left where it is."""
    state = meta.get("state") if isinstance(meta, dict) else None
    if not isinstance(state, dict):
        raise Refused("a persistent object has no state")
    return Module(state)


def _dtype(code: Any, *rest: Any) -> Dtype:
    if code not in LETTERS:
        raise Refused(f"it has numbers of the type {str(code)[:20]!r}")
    return Dtype(code)


def _scalar(dtype: Any, data: Any = b"") -> Any:
    if not (isinstance(dtype, Dtype) and isinstance(data, bytes) and dtype.order in ("<", "|")):
        raise Refused("a number of NumPy's is not a type and its bytes")
    try:
        return struct.unpack(f"<{LETTERS[dtype.code]}", data)[0]
    except struct.error:
        raise Refused(f"a number of the type {dtype.code} has {len(data)} bytes") from None


def _encoded(text: Any, how: Any = "") -> bytes:
    if not (isinstance(text, str) and how == "latin1"):
        raise Refused("bytes are written as what is no latin1 text")
    return text.encode("latin1", "replace")


CALLS: dict[Name, Callable[..., Any]] = {
    Name("torch._utils", "_rebuild_tensor_v2"): _tensor,
    Name("torch._utils", "_rebuild_tensor"): _tensor,
    Name("torch._utils", "_rebuild_parameter"): _parameter,
    Name("torch_utils.persistence", "_reconstruct_persistent_obj"): _module,
    Name("collections", "OrderedDict"): _dictionary,
    Name("builtins", "set"): _listed,
    Name("__builtin__", "set"): _listed,
    Name("numpy.core.multiarray", "scalar"): _scalar,
    Name("numpy._core.multiarray", "scalar"): _scalar,
    Name("numpy", "dtype"): _dtype,
    Name("_codecs", "encode"): _encoded,
    Name("torch", "Size"): tuple,
}
STORED = Name("torch.storage", "_load_from_bytes")  # a file in the file: the machine reads it as another one
CALLS[STORED] = lambda data: data
CLASSES = {Name("dnnlib.util", "EasyDict"), Name("collections", "OrderedDict")}
WORDS = {Name("torch", f"{kind}") for kind in ("float64", "float32", "float16", "bfloat16", "int64", "int32", "uint8")}
