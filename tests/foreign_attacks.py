"""Files that attack whoever opens them, or are damaged, each with a word of the sentence that refuses it."""

import collections
import io
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

Attack = tuple[Callable[[Path], bytes], str]  # marker file → bytes of the file; what the refusal says


class Calls:
    """Pickles as a call."""

    def __init__(self, function: Any, *given: Any):
        self.call = function, given

    def __reduce__(self) -> Any:
        return self.call


class Sets:
    """Pickles as an object whose state is set."""

    def __reduce__(self) -> Any:
        return collections.OrderedDict, (), None, None, iter([("a", Calls(os.system, "true"))])


def shell(marker: Path) -> Calls:
    return Calls(os.system, f"echo $SADDLE_SECRET > {marker}")


def pickled(value: Any, protocol: int = 2) -> bytes:
    return pickle.dumps(value, protocol)


def archive(pickle_: bytes, storages: dict[str, bytes] | None = None, compress: int = zipfile.ZIP_STORED) -> bytes:
    """A file as torch.save writes it, of any pickle and any storages."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compress) as made:
        made.writestr("archive/data.pkl", pickle_)
        made.writestr("archive/byteorder", b"little")
        for key, data in (storages or {}).items():
            made.writestr(f"archive/data/{key}", data)
    return out.getvalue()


def tensor(
    count: int, start: int, shape: tuple[int, ...], stride: tuple[int, ...], kind: str = "FloatStorage"
) -> bytes:
    """The pickle of {"w": tensor} with whatever it says of its storage, key 0."""
    numbers = lambda values: b"(" + b"".join(b"L%dL\n" % v for v in values) + b"t"  # noqa: E731
    text = lambda word: b"X" + struct.pack("<I", len(word)) + word.encode()  # noqa: E731
    storage = (
        b"(" + text("storage") + f"ctorch\n{kind}\n".encode() + text("0") + text("cpu") + b"L%dL\n" % count + b"tQ"
    )
    rest = storage + b"L%dL\n" % start + numbers(shape) + numbers(stride) + b"\x89ccollections\nOrderedDict\n)R"
    return b"\x80\x02}" + text("w") + b"ctorch._utils\n_rebuild_tensor_v2\n(" + rest + b"tRs."


def old(pickle_: bytes, tail: bytes) -> bytes:
    """A file as torch.save wrote it before version 1.6: magic, version, system, value, and then what follows."""
    system = {"protocol_version": 1001, "little_endian": True}
    return b"".join(map(pickled, (0x1950A86A20F9469CFC6C, 1001, system))) + pickle_ + tail


def persistent(state: Any) -> bytes:
    """A pickle as NVIDIA's, whose source would write the marker when the official loader runs it."""
    text = lambda word: b"X" + struct.pack("<I", len(word.encode())) + word.encode()  # noqa: E731
    begin = b"\x80\x03}" + text("G_ema") + b"ctorch_utils.persistence\n_reconstruct_persistent_obj\n"
    return begin + pickled(({"state": state, "module_src": "import os; os.abort()"},))[2:-1] + b"Rs."


def nested(depth: int) -> bytes:
    return b"\x80\x02" + b"(" * depth + b"t" * depth + b"."


def laughs(marker: Path) -> bytes:
    """Dictionaries of which each holds the one before it twice."""
    value: Any = {"w": 1}
    for _ in range(36):
        value = {"a": value, "b": value}
    return archive(pickled(value))


def bomb(marker: Path) -> bytes:
    return archive(tensor(1 << 26, 0, (1 << 26,), (1,)), {"0": bytes(1 << 26)}, zipfile.ZIP_DEFLATED)


def twice(marker: Path) -> bytes:
    out = io.BytesIO(archive(tensor(1, 0, (1,), (1,)), {"0": bytes(4)}))
    with zipfile.ZipFile(out, "a") as made:
        made.writestr("archive/data.pkl ", pickled(shell(marker)))
    return out.getvalue().replace(b"archive/data.pkl ", b"archive/data.pkl\0")


def shared(count: int, times: int) -> bytes:
    """A thousand tensors of one storage: together they hold more than the file."""
    one = tensor(count, 0, (count,), (1,))
    body = one[3 : one.index(b"s.")]
    return b"\x80\x02}" + b"".join(body.replace(b"w", b"%c" % (65 + i), 1) + b"s" for i in range(times)) + b"."


NUMPY = b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(X\x02\x00\x00\x00"
HIDDEN = lambda m: pickled({"G_ema": {"w": shell(m)}})  # noqa: E731
ATTACKS: dict[str, Attack] = {
    "os.system at the top": (lambda m: pickled(shell(m)), "posix.system"),
    "os.system in protocol 0, behind a torch archive": (lambda m: archive(pickled(shell(m), 0)), "posix.system"),
    "os.system in protocol 4": (lambda m: archive(pickled(shell(m), 4)), "posix.system"),
    "os.system in protocol 5": (lambda m: pickled({"a": shell(m)}, 5), "posix.system"),
    "os.system inside a state dict": (lambda m: archive(pickled({"w": shell(m)})), "posix.system"),
    "os.system in what an OrderedDict is filled with": (lambda m: archive(pickled(Sets())), "posix.system"),
    "os.system in an old file": (lambda m: old(pickled(shell(m)), pickled([])), "posix.system"),
    "os.system in place of the magic number": (lambda m: pickled(shell(m)) + old(b"", b""), "posix.system"),
    "os.system in NVIDIA's state": (lambda m: HIDDEN(m), "posix.system"),
    "os.system in a storage's own pickle": (
        lambda m: b"\x80\x03ctorch.storage\n_load_from_bytes\nB" + _sized(pickled(shell(m))) + b"\x85R.",
        "posix.system",
    ),
    "os.environ": (lambda m: archive(b"\x80\x02cos\nenviron\n."), "os.environ"),
    "eval": (lambda m: pickled(Calls(eval, f"open({str(m)!r}, 'w')")), "builtin"),
    "exec": (lambda m: archive(pickled(Calls(exec, f"open({str(m)!r}, 'w')"))), "builtin"),
    "open": (lambda m: archive(pickled(Calls(open, str(m), "w"))), "it names"),
    "a getattr of getattr": (lambda m: archive(b"\x80\x02cbuiltins\ngetattr\n."), "builtins.getattr"),
    "a dotted name": (lambda m: b"\x80\x04\x8c\x0bcollections\x8c\x13OrderedDict.popitem\x93.", "OrderedDict.popitem"),
    "an instance by its old instruction": (
        lambda m: archive(b"(S'touch %s'\nios\nsystem\n." % bytes(m)),
        "INST",
    ),
    "an object by its old instruction": (lambda m: archive(b"(cos\nsystem\nS'true'\no."), "os.system"),
    "a registered extension": (lambda m: archive(b"\x80\x02\x82\x01."), "EXT1"),
    "a call of what is a class": (lambda m: archive(b"\x80\x02cdnnlib.util\nEasyDict\n)R."), "calls"),
    "a call of what is no name": (lambda m: archive(b"\x80\x02X\x02\x00\x00\x00os)R."), "calls"),
    "attributes of a function": (
        lambda m: archive(b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n}X\x0c\x00\x00\x00__defaults__)sb."),
        "attributes",
    ),
    "another class of NVIDIA's": (lambda m: b"\x80\x02cdnnlib.util\nopen_url\n.", "dnnlib.util.open_url"),
    "torch.load by name": (lambda m: archive(b"\x80\x02ctorch.serialization\nload\n."), "torch.serialization.load"),
    "torch.hub by name": (lambda m: archive(b"\x80\x02ctorch.hub\nload\n."), "torch.hub.load"),
    "an object array of NumPy's": (lambda m: archive(b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n."), "it names"),
    "a number of objects of NumPy's": (lambda m: archive(b"\x80\x02" + NUMPY + b"O8tR."), "type"),
    "a file in a file in a file": (lambda m: _doubled(), "inside each other"),
    "a long string that is not there": (lambda m: b"\x80\x04\x8d" + struct.pack("<Q", 1 << 34) + b"aaaa.", "damaged"),
    "a frame of all memory": (lambda m: b"\x80\x04\x8e" + struct.pack("<Q", (1 << 63) - 1) + b"a.", "damaged"),
    "a memo of four billion places": (lambda m: archive(b"\x80\x02Nr\xff\xff\xff\xff)R."), "calls"),
    "a whole number of a million digits": (lambda m: archive(b"I" + b"9" * 1_000_000 + b"\n."), "damaged"),
    "a number of 2 GB": (lambda m: archive(b"\x80\x02\x8b\xff\xff\xff\x7f."), "damaged"),
    "a hundred thousand nested tuples": (lambda m: archive(nested(100_000)), "in each other"),
    "half a million instructions": (lambda m: archive(b"\x80\x02" + b"N0" * 250_000 + b"N."), "instructions"),
    "dictionaries that double 36 times": (laughs, "too many"),
    "a dictionary in itself": (lambda m: archive(b"\x80\x02}q\x00X\x01\x00\x00\x00ah\x00s."), "too deep"),
    "a key that is a tensor": (
        lambda m: archive(b"\x80\x02}" + tensor(1, 0, (1,), (1,))[9:-2] + b"Ns.", {"0": bytes(4)}),
        "key",
    ),
    "a compressed archive": (bomb, "compressed"),
    "an archive with two pickles": (twice, "two files of one name"),
    "an archive without a pickle": (lambda m: b"PK\x03\x04" + bytes(100), "archive is damaged"),
    "a storage shorter than it says": (lambda m: archive(tensor(9, 0, (9,), (1,)), {"0": bytes(4)}), "9 numbers"),
    "a storage that is not there": (lambda m: archive(tensor(9, 0, (9,), (1,))), "not in its archive"),
    "a storage by a path": (
        lambda m: archive(
            tensor(1, 0, (1,), (1,)).replace(b"X\x01\x00\x00\x000", b"X\x0b\x00\x00\x00/etc/passwd"), {"0": bytes(4)}
        ),
        "not in its archive",
    ),
    "a tensor beyond its storage": (lambda m: archive(tensor(4, 2, (3,), (1,)), {"0": bytes(16)}), "beyond"),
    "a tensor before its storage": (lambda m: archive(tensor(4, -2, (3,), (1,)), {"0": bytes(16)}), "0 or more"),
    "a tensor of a trillion equal numbers": (
        lambda m: archive(tensor(1, 0, (1 << 40,), (0,)), {"0": bytes(4)}),
        "not dense",
    ),
    "strides that overlap": (lambda m: archive(tensor(8, 0, (4, 4), (1, 1)), {"0": bytes(32)}), "not dense"),
    "strides that leave gaps": (lambda m: archive(tensor(8, 0, (2,), (7,)), {"0": bytes(32)}), "not dense"),
    "a size beyond all numbers": (lambda m: archive(tensor(1, 0, (1 << 60,), (1,)), {"0": bytes(4)}), "0 or more"),
    "many tensors of one storage": (
        lambda m: archive(shared(9999, 9), {"0": bytes(4 * 9999)}),
        "more numbers than the file",
    ),
    "numbers of an unknown kind": (
        lambda m: archive(tensor(1, 0, (1,), (1,), "UntypedStorage"), {"0": bytes(4)}),
        "it names",
    ),
    "an old file cut off": (lambda m: old(tensor(9, 0, (9,), (1,)), pickled(["0"]) + bytes(8)), "cut off"),
    "an old file with another list": (lambda m: old(tensor(9, 0, (9,), (1,)), pickled(["0", "1"])), "list of storages"),
    "NVIDIA's object without a state": (lambda m: persistent(None), "no state"),
    "cut off in the middle": (lambda m: pickled({"w": list(range(1000))})[:500], "damaged"),
    "a text": (lambda m: b"not a file of weights at all", "neither"),
    "a script": (lambda m: b"import os; os.system('true')", "neither"),
}


def _sized(data: bytes) -> bytes:
    return struct.pack("<I", len(data)) + data


def _doubled() -> bytes:
    once = b"\x80\x03ctorch.storage\n_load_from_bytes\nB" + _sized(b"\x80\x03N.") + b"\x85R."
    return b"\x80\x03ctorch.storage\n_load_from_bytes\nB" + _sized(once) + b"\x85R."


def saved(state: dict[str, torch.Tensor], path: Path, how: str) -> Path:
    """A state dict as torch.save writes it now, as it did, or as a plain pickle."""
    if how == "pickle":
        path.write_bytes(pickle.dumps(state, 3))
    else:
        torch.save(state, path, _use_new_zipfile_serialization=how == "archive")
    return path
