"""Weights that others saved: safetensors as they are, pickles through a child that runs nothing and may do nothing."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load
from torch import Tensor

from ..base.errors import SaddleError, UsageError, shortened
from ..training.checkpoint import sha256

CODE = "import sys; sys.path.append(sys.argv.pop(1)); from reader.child import main; main(*sys.argv[1:])"
MOST, LONGEST = 8 << 30, 200  # bytes of a file; characters of what a library says of it


@dataclass(frozen=True)
class Limits:
    """What the reader of a file may use."""

    memory: int  # bytes, of which 2 copies of the file are a part
    work: int  # seconds of a processor
    wait: float  # seconds by the clock

    @classmethod
    def of(cls, size: int) -> Limits:
        """For a file of so many bytes: at least 5 MB/s are expected."""
        seconds = size // 5_000_000
        return cls((1 << 30) + 4 * size, 20 + seconds, 40 + seconds)


@dataclass(frozen=True)
class Found:
    """What a file holds."""

    path: Path
    sha256: str
    tensors: dict[str, Tensor]
    facts: dict[str, dict[str, Any]]  # what NVIDIA's modules say of themselves, by their names

    def one_fact(self, name: str, otherwise: Any = None) -> set[Any]:
        """All values that modules have of one fact."""
        return {facts[name] for facts in self.facts.values() if name in facts} or {otherwise}


def read(path: Path, parts: Sequence[str] = (), limits: Limits | None = None) -> Found:
    """The tensors of a file; `parts` are keys in it of which the first that is there is taken.

    UsageError for what is no file, or too large; SaddleError, with the reason, for one that is refused.
    """
    if not path.is_file():
        raise UsageError(f"{path} is not a file")
    size = path.stat().st_size
    if not 0 < size <= MOST:
        raise UsageError(f"{path} has {size:,} bytes; files of weights have 1 to {MOST:,}")
    with path.open("rb") as file:
        start = file.read(9)
    if start[8:] == b"{":
        return Found(path, sha256(path), _safe(path), {})
    if size < 8:
        raise SaddleError(f"{path} is not a file of weights")
    tensors, facts = _by_child(path, parts, limits or Limits.of(size))
    return Found(path, sha256(path), tensors, facts)


def _safe(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # it is no dictionary
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise SaddleError(
            f"{path} is not a file of tensors that can be read: {shortened(str(error), LONGEST)}"
        ) from None


def _by_child(path: Path, parts: Sequence[str], limits: Limits) -> tuple[dict[str, Tensor], dict[str, Any]]:
    given = [str(Path(__file__).parent), str(limits.memory), str(limits.work), *parts]
    with path.open("rb") as file:
        child = subprocess.Popen(
            [sys.executable, "-I", "-S", "-X", "utf8", "-c", CODE, *given],
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={},
            cwd="/",
            start_new_session=True,
        )
        try:
            out, told = _collected(child, limits.wait, path.stat().st_size)
        finally:
            child.kill()
            child.wait()
    if child.returncode or told:
        raise SaddleError(f"{path} is refused: {told or 'its reader had to be stopped'}; nothing of it was run")
    return _opened(out, path)


def _collected(child: subprocess.Popen[bytes], wait: float, size: int) -> tuple[bytearray, str]:
    """What the child wrote to standard output, and to the other. It is stopped where it takes too long."""
    until, most = time.monotonic() + wait, size + (1 << 26)
    kept: dict[IO[bytes], bytearray] = {child.stdout: bytearray(), child.stderr: bytearray()}  # type: ignore[dict-item]
    with selectors.DefaultSelector() as watch:
        for each in kept:
            watch.register(each, selectors.EVENT_READ)
        while watch.get_map():
            ready = watch.select(max(0.0, until - time.monotonic()))
            if not ready:
                return bytearray(), f"to read it takes longer than {wait:g} seconds"
            for key, _ in ready:
                pipe: Any = key.fileobj
                part = os.read(key.fd, 1 << 20)
                kept[pipe] += part
                if sum(map(len, kept.values())) > most:
                    return bytearray(), "more comes out of it than it holds"
                if not part:
                    watch.unregister(pipe)
                    pipe.close()
    out, told = kept.values()
    child.wait(max(1.0, until - time.monotonic()))
    return out, told.decode("utf-8", "replace").strip()


def _opened(out: bytearray, path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors, each with its axes in order again, and the facts of modules."""
    try:
        header = json.loads(out[8 : 8 + int.from_bytes(out[:8], "little")])
        facts, orders = (json.loads(header["__metadata__"][name]) for name in ("facts", "orders"))
        tensors = load(bytes(out))
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise SaddleError(f"{path} was not read to its end: {shortened(str(error), LONGEST)}") from None
    for name, order in orders.items():
        back = sorted(range(len(order)), key=order.__getitem__)
        tensors[name] = tensors[name].permute(back).contiguous()
    return tensors, facts


def plain(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same without a prefix that all names share because a wrapper of torch's was saved; floats as float32."""
    for prefix in ("module.", "_orig_mod."):
        if tensors and all(name.startswith(prefix) for name in tensors):
            tensors = {name.removeprefix(prefix): x for name, x in tensors.items()}
    wide = (torch.float16, torch.bfloat16, torch.float64)
    return {name: x.float() if x.dtype in wide else x for name, x in tensors.items()}
