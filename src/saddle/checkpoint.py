"""Checkpoints that a crash cannot spoil: a folder each, complete or not there, checked before it is believed.

A checkpoint is written under another name, flushed to the disk, listed with its SHA-256 in `manifest.json`, and only
then renamed. Tensors are safetensors, the rest is JSON: nothing is ever unpickled. The last two and the best stay.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from .errors import SaddleError

FORMAT = 1
_MARGIN = 1 << 20  # bytes left free for the log and pictures


@dataclass
class State:
    """Everything a run needs to go on: named groups of tensors, and plain facts."""

    tensors: dict[str, dict[str, Tensor]]
    facts: dict[str, Any] = field(default_factory=dict)  # JSON: numbers, strings, lists, dicts


class Damaged(SaddleError):
    """A checkpoint that is not what was saved."""


class Checkpoints:
    def __init__(self, folder: Path):
        self.folder = folder

    def rounds(self) -> list[int]:
        """The rounds of which there is a checkpoint, oldest first."""
        names = (p.name for p in self.folder.glob("round-*") if p.is_dir() and p.suffix == "")
        return sorted(int(name.removeprefix("round-")) for name in names if name.removeprefix("round-").isdigit())

    def path(self, round_: int) -> Path:
        return self.folder / f"round-{round_:07d}"

    def save(self, round_: int, state: State) -> None:
        """Write the checkpoint of a round, and drop those that are neither of the last two nor the best."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._check_room(state)
        final = self.path(round_)
        part = final.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        try:
            part.mkdir()
            _write(part, state)
            if final.exists():  # a damaged one, which this one replaces
                final.rename(final.with_suffix(".old"))
            part.rename(final)
            _sync(self.folder)
        except (OSError, SafetensorError) as error:
            shutil.rmtree(part, ignore_errors=True)
            raise self._failed(error) from error
        shutil.rmtree(final.with_suffix(".old"), ignore_errors=True)
        self._prune()

    def load(self, round_: int) -> State:
        """The checkpoint of a round; Damaged, with the file and the reason, if it is not what was saved."""
        folder = self.path(round_)
        manifest = _read_json(folder / "manifest.json")
        if manifest.get("format") != FORMAT:
            raise Damaged(f"{folder / 'manifest.json'} is of format {manifest.get('format')}, this is format {FORMAT}")
        for name, entry in manifest["files"].items():
            _verify(folder / name, entry)
        groups = [name for name in manifest["files"] if name.endswith(".safetensors")]
        tensors = {name.removesuffix(".safetensors"): load_file(folder / name) for name in groups}
        return State(tensors, _read_json(folder / "facts.json"))

    def newest(self, say: Callable[[str], None], accept: Callable[[State], None]) -> bool:
        """Give the newest good checkpoint to `accept`, and say which ones were refused. False if there is none.

        `accept` raises Damaged for a state that is not this game's.
        """
        self.clean()
        rounds = self.rounds()
        for round_ in reversed(rounds):
            try:
                accept(self.load(round_))
            except Damaged as error:
                say(f"refused the checkpoint of round {round_}: {error}")
                continue
            if round_ != rounds[-1]:
                say(f"going on from the previous good checkpoint, of round {round_}")
            return True
        if rounds:
            raise SaddleError(f"none of the {len(rounds)} checkpoints in {self.folder} is usable; see the lines above")
        return False

    def best(self) -> int | None:
        """The round with the best score, if any was scored."""
        scored = {}
        for round_ in self.rounds():
            try:
                score = _read_json(self.path(round_) / "facts.json").get("score")
            except Damaged:
                continue
            if score:
                scored[round_] = score["value"] if score["better"] == "lower" else -score["value"]
        return min(scored, key=lambda r: scored[r]) if scored else None

    def clean(self) -> None:
        """Remove what an interrupted save left behind."""
        for leftover in (*self.folder.glob("round-*.part"), *self.folder.glob("round-*.old")):
            shutil.rmtree(leftover, ignore_errors=True)

    def _prune(self) -> None:
        for round_ in set(self.rounds()) - {*self.rounds()[-2:], self.best()}:
            shutil.rmtree(self.path(round_))

    def _check_room(self, state: State) -> None:
        need = sum(t.numel() * t.element_size() for group in state.tensors.values() for t in group.values()) + _MARGIN
        free = shutil.disk_usage(self.folder).free
        if need > free:
            raise self._failed(OSError(f"it needs {need / 1e6:.1f} MB and {free / 1e6:.1f} MB are free"))

    def _failed(self, error: Exception) -> SaddleError:
        kept = self.rounds()
        rest = f"the checkpoint of round {kept[-1]} is intact" if kept else "there is no earlier checkpoint"
        return SaddleError(f"could not save a checkpoint in {self.folder}: {error}; {rest}. Make room and run again.")


def _write(folder: Path, state: State) -> None:
    for name, group in state.tensors.items():
        save_file({k: t.detach().cpu().contiguous() for k, t in group.items()}, folder / f"{name}.safetensors")
    (folder / "facts.json").write_text(json.dumps(state.facts, indent=1))
    files = {p.name: {"sha256": _hash(p), "bytes": p.stat().st_size} for p in sorted(folder.iterdir())}
    (folder / "manifest.json").write_text(json.dumps({"format": FORMAT, "files": files}, indent=1))
    for path in (*folder.iterdir(), folder):
        _sync(path)


def _sync(path: Path) -> None:
    """Wait until the disk has it."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _verify(path: Path, entry: dict[str, Any]) -> None:
    if not path.is_file():
        raise Damaged(f"{path} is missing")
    if (size := path.stat().st_size) != entry["bytes"]:
        what = "is empty" if size == 0 else f"has {size} bytes instead of {entry['bytes']}"
        raise Damaged(f"{path} {what}")
    if _hash(path) != entry["sha256"]:
        raise Damaged(f"{path} is not what was saved: its SHA-256 differs from the manifest's")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text())
    except FileNotFoundError:
        raise Damaged(f"{path} is missing") from None
    except (ValueError, OSError) as error:
        raise Damaged(f"{path} is not readable JSON: {error}") from None
    if not isinstance(value, dict):
        raise Damaged(f"{path} is not a JSON object")
    return value
