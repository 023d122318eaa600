"""The containers in which weights are pickled: torch's archive, torch's older file, and a plain pickle."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import Any

from .machine import Machine
from .values import KINDS, SIZES, Name, Refused, Storage

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # with which torch's older files begin
MOST_ENTRIES = 100_000


def read(data: memoryview) -> Any:
    """The value that a file holds. Refused for what is none of the three."""
    if data[:4] == b"PK\x03\x04":
        return _archive(data)
    if data[:1] == b"\x80":
        return _pickled(data)
    raise Refused("it is neither an archive of torch.save nor a pickle")


def _archive(data: memoryview) -> Any:
    """torch.save since version 1.6: a zip whose entries are stored as they are, with a pickle and a file a storage."""
    try:
        archive = zipfile.ZipFile(_Bytes(data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise Refused(f"its archive is damaged: {error}") from None
    entries = _entries(archive, len(data))
    roots = [name.removesuffix("data.pkl") for name in entries if name.count("/") == 1 and name.endswith("/data.pkl")]
    if len(roots) != 1:
        raise Refused("its archive has no data.pkl, or several")
    stored: dict[str, Storage] = {}

    def content(name: str) -> memoryview:
        name = roots[0] + name
        if name not in entries:
            raise Refused("a storage is not in its archive")
        return memoryview(archive.read(entries[name]))

    def storage(given: Any) -> Storage:
        key, made = _storage(given)
        if key not in stored:
            made.fill(content(f"data/{key}"))
            stored[key] = made
        return _same(stored[key], made)

    if f"{roots[0]}byteorder" in entries and bytes(content("byteorder")).strip() != b"little":
        raise Refused("its numbers are big-endian")
    return Machine(storage, _no_inner).run(io.BytesIO(content("data.pkl")))


def _entries(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    """The files in an archive by name. Refused where they are compressed, or more than the archive has bytes."""
    entries = {entry.filename: entry for entry in archive.infolist()}
    if len(entries) != len(archive.infolist()) or len(entries) > MOST_ENTRIES:
        raise Refused("its archive has two files of one name, or too many files")
    for entry in entries.values():
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
            raise Refused("its archive is compressed, which torch.save never does")
    if sum(entry.file_size for entry in entries.values()) > size:
        raise Refused("its archive has more in it than its size")
    return entries


def _pickled(data: memoryview, inside: bool = False) -> Any:
    """A pickle; if its value is torch's magic number, a file of torch.save before version 1.6."""
    file = _Bytes(data)
    inner = _no_inner if inside else lambda given: _pickled(memoryview(given), inside=True)
    value = Machine(_no_storage, inner).run(file)
    if value != MAGIC:
        if inside:
            raise Refused("a storage in it is not what torch.save writes")
        return value
    if Machine(_no_storage, _no_inner).run(file) != PROTOCOL:
        raise Refused("it is of an unknown version of torch.save")
    system = Machine(_no_storage, _no_inner).run(file)
    if not (isinstance(system, dict) and system.get("little_endian") is True):
        raise Refused("its numbers are not little-endian")
    stored: dict[str, Storage] = {}

    def storage(given: Any) -> Storage:
        key, made = _storage(given)
        return _same(stored.setdefault(key, made), made)

    value = Machine(storage, _no_inner).run(file)
    keys = Machine(_no_storage, _no_inner).run(file)
    if not (isinstance(keys, list) and sorted(map(str, keys)) == sorted(stored)):
        raise Refused("its list of storages is not that of its tensors")
    _fill(data, file.tell(), [stored[str(key)] for key in keys])
    return value


def _fill(data: memoryview, place: int, storages: list[Storage]) -> None:
    """Each storage from its count and its bytes, which lie one after the other at the end of the file."""
    for each in storages:
        size = each.count * SIZES[each.kind]
        if place + 8 + size > len(data) or struct.unpack("<q", data[place : place + 8])[0] != each.count:
            raise Refused("a storage is cut off, or is longer or shorter than its tensors say")
        each.fill(data[place + 8 : place + 8 + size])
        place += 8 + size


def _storage(given: Any) -> tuple[str, Storage]:
    """The key and the storage of torch's persistent id: ("storage", kind, key, device, count, …)."""
    fits = isinstance(given, tuple) and len(given) in (5, 6) and given[0] == "storage"
    if not fits or not isinstance(given[1], Name) or given[1].name not in KINDS or given[5:] not in ((), (None,)):
        raise Refused("it has a persistent id that is no storage")
    key, count = given[2], given[4]
    if not isinstance(key, str) or type(count) is not int or not 0 <= count < 1 << 40:
        raise Refused("a storage has no count")
    return key, Storage(KINDS[given[1].name], count)


def _same(first: Storage, again: Storage) -> Storage:
    if (first.kind, first.count) != (again.kind, again.count):
        raise Refused("a storage is said to be of two kinds or sizes")
    return first


def _no_storage(given: Any) -> Any:
    raise Refused("it has a persistent id where none belongs")


def _no_inner(given: bytes) -> Any:
    raise Refused("it has files inside each other")


class _Bytes(io.RawIOBase):
    """A file over bytes that are in memory already, without a copy of all of them."""

    def __init__(self, data: memoryview):
        self.data, self.place = data, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.place

    def seek(self, offset: int, whence: int = 0) -> int:
        self.place = max(0, offset + (0, self.place, len(self.data))[whence])
        return self.place

    def read(self, size: int | None = -1) -> bytes:
        end = len(self.data) if size is None or size < 0 else self.place + size
        found = bytes(self.data[self.place : end])
        self.place += len(found)
        return found

    def readline(self, size: int | None = -1) -> bytes:
        """Up to the end of a line; a text in a pickle is shorter than 64 kB."""
        part = bytes(self.data[self.place : self.place + (1 << 16)])
        found = part[: part.find(b"\n") + 1]
        self.place += len(found)
        return found
