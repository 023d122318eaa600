"""Checkpoints that a crash cannot spoil: a folder each, complete or not there, checked before it is believed.

A checkpoint is written under another name, flushed to the disk, listed with its SHA-256 in `manifest.json`, and only
then renamed. Tensors are safetensors, the rest is JSON: nothing is ever unpickled. The last two and the best stay.
"""

import hashlib
import json
import math
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ..base.errors import SaddleError
from ..base.files import sync
from ..base.kinds import brief
from ..base.plain import Count, Garbled, fits, from_json, text

FORMAT = 1
_FACTS: dict[str, Any] = {  # what they are, where they are there
    **dict.fromkeys(("round", "batches_drawn"), Count),
    "rounds": Count | None,
    "seconds": float,
    **dict.fromkeys(("game", "fingerprint", "version", "trained_against"), str),
    **dict.fromkeys(("data", "score"), dict[str, Any]),
    "course": dict[str, tuple[Count, float] | Count],  # see Course.facts
}
_SCORE: dict[str, Any] = {"name": str, "value": float, "better": Literal["lower", "higher"]}
_MARGIN = 1 << 20  # bytes left free for the log and pictures


@dataclass
class State:
    """Everything a run needs to go on: named groups of tensors, and plain facts."""

    tensors: dict[str, dict[str, Tensor]]
    facts: dict[str, Any] = field(default_factory=dict)  # JSON: numbers, strings, lists, dicts

    @property
    def size(self) -> int:
        """Bytes of its tensors."""
        return sum(t.numel() * t.element_size() for group in self.tensors.values() for t in group.values())

    def fact(self, name: str) -> Any:
        """One of the facts. Damaged if it is not there."""
        if name not in self.facts:
            raise Damaged(f"facts.json lacks '{name}'")
        return self.facts[name]


KEPT = 3  # checkpoints: the last two and the best


class Damaged(SaddleError):
    """A checkpoint that is not what was saved."""


class Checkpoints:
    """The checkpoints of one run, in `folder`; one process at a time saves."""

    def __init__(self, folder: Path):
        self.folder = folder

    def rounds(self) -> list[int]:
        """The rounds of which there is a checkpoint, oldest first."""
        numbers = (p.name.removeprefix("round-") for p in self.folder.glob("round-*") if p.is_dir())
        return sorted(int(number) for number in numbers if re.fullmatch("[0-9]{7,18}", number))

    def path(self, round_: int) -> Path:
        return self.folder / f"round-{round_:07d}"

    def save(self, round_: int, state: State) -> None:
        """Write the checkpoint of a round, and drop those that are neither of the last two nor the best.

        SaddleError if there is no room for it, or the disk fails: the earlier ones stay as they are.
        """
        final = self.path(round_)
        part = final.with_suffix(".part")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.clean()
            self._check_room(state)
            part.mkdir()
            _write(part, state)
            if final.exists():  # a damaged one, which this one replaces
                self._drop(round_)
            part.rename(final)
            sync(self.folder)
            self._prune(round_)
        except (OSError, SafetensorError) as error:
            shutil.rmtree(part, ignore_errors=True)
            raise self._failed(error, state) from error

    def load(self, round_: int) -> State:
        """The checkpoint of a round; Damaged, with the file and the reason, if it is not what was saved.

        A number that is not finite was never saved: whatever the manifest says, it came later, or from elsewhere.
        """
        folder = self.path(round_)
        files = _manifest(folder)
        for name, entry in files.items():
            _verify(folder / name, entry)
        tensors = {
            path.stem: read_weights(path) for path in map(folder.joinpath, files) if path.suffix == ".safetensors"
        }
        return State(tensors, _facts(folder / "facts.json", round_))

    def sha256(self, round_: int) -> str:
        """Of the weights and the averages of a round, by what its manifest says of their files; `load` checks that."""
        folder = self.path(round_)
        files = _manifest(folder)
        if missing := {"game.safetensors", "averages.safetensors"} - files.keys():
            raise Damaged(f"{folder / min(missing)} is missing")
        both = f"{files['game.safetensors']['sha256']} {files['averages.safetensors']['sha256']}"
        return hashlib.sha256(both.encode()).hexdigest()

    def newest(self, say: Callable[[str], None], accept: Callable[[State], None]) -> bool:
        """Give the newest good checkpoint to `accept`, and say which ones were refused. False if there is none.

        `accept` raises Damaged for a state that is not this game's.
        """
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
        """The round with the best score, the latest of equals; None if none was scored."""
        scored = {round_: badness for round_ in self.rounds() if (badness := self._badness(round_)) is not None}
        return min(scored, key=lambda r: (scored[r], -r)) if scored else None

    def clean(self) -> None:
        """Remove what an interrupted save left behind."""
        for leftover in (*self.folder.glob("round-*.part"), *self.folder.glob("round-*.old")):
            shutil.rmtree(leftover, ignore_errors=True)

    def _badness(self, round_: int) -> float | None:
        """The score of a round, less is better; None without one, or if what says so is damaged."""
        folder = self.path(round_)
        try:
            _verify(folder / "facts.json", _manifest(folder)["facts.json"])
            score = _facts(folder / "facts.json", round_).get("score")
        except Damaged:
            return None
        if not score or not math.isfinite(score["value"]):
            return None
        return score["value"] if score["better"] == "lower" else -score["value"]

    def _prune(self, newest: int) -> None:
        """Keep the last two and the best. What lies beyond the newest is void: the run went on from before it."""
        for round_ in self.rounds():
            if round_ > newest:
                self._drop(round_)
        for round_ in set(self.rounds()) - {*self.rounds()[-2:], self.best()}:
            self._drop(round_)

    def _drop(self, round_: int) -> None:
        """Remove a checkpoint: at once by name, for an interrupted removal must not leave half of one."""
        old = self.path(round_).with_suffix(".old")
        self.path(round_).rename(old)
        shutil.rmtree(old, ignore_errors=True)

    def _check_room(self, state: State) -> None:
        free = shutil.disk_usage(self.folder).free
        if state.size + _MARGIN > free:
            raise OSError(f"{free / 1e6:.1f} MB are free")

    def _failed(self, error: Exception, state: State) -> SaddleError:
        kept = self.rounds()
        rest = f"the checkpoint of round {kept[-1]} is intact" if kept else "there is no earlier checkpoint"
        return SaddleError(
            f"could not save a checkpoint of {(state.size + _MARGIN) / 1e6:.1f} MB in {self.folder}: {error}; "
            f"{rest}. Make room and run again."
        )


def load_weights(module: nn.Module, tensors: dict[str, Tensor], what: str) -> None:
    """Copy weights by name. Damaged, before anything is copied, unless they fit: see `check_weights`."""
    check_weights(module, tensors, what)
    module.load_state_dict(tensors)


def check_weights(module: nn.Module, tensors: dict[str, Tensor], what: str) -> None:
    """Damaged unless names and shapes are the module's own; `what` is the name of the file, without its suffix."""
    own = module.state_dict()
    if missing := sorted(own.keys() ^ tensors.keys()):
        raise Damaged(f"{what}.safetensors is of other networks: {missing[0]} is only in one of the two")
    for name, tensor in tensors.items():
        if tensor.shape != own[name].shape:
            raise Damaged(f"{what}.safetensors: {name} has shape {[*tensor.shape]}, not {[*own[name].shape]}")
        if tensor.is_floating_point() != own[name].is_floating_point() or tensor.is_complex():
            raise Damaged(f"{what}.safetensors: {name} is of {tensor.dtype}, not of {own[name].dtype}")


def _write(folder: Path, state: State) -> None:
    facts = folder / "facts.json"
    facts.write_text(json.dumps(state.facts, indent=1, allow_nan=False))
    for name, group in state.tensors.items():
        path = folder / f"{name}.safetensors"
        save_file({k: t.detach().cpu().contiguous() for k, t in group.items()}, path)
        path.chmod(facts.stat().st_mode)  # safetensors makes files that only their owner can read
    files = {p.name: {"sha256": sha256(p), "bytes": p.stat().st_size} for p in sorted(folder.iterdir())}
    (folder / "manifest.json").write_text(json.dumps({"format": FORMAT, "files": files}, indent=1))
    for path in (*folder.iterdir(), folder):
        sync(path)


def sha256(path: Path) -> str:
    """Of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _manifest(folder: Path) -> dict[str, dict[str, Any]]:
    """Size and SHA-256 of the files of a checkpoint, by name. Damaged unless they are just those in the folder."""
    path = folder / "manifest.json"
    content = _read_json(path)
    if content.get("format") != FORMAT:
        raise Damaged(f"{path} is of format {content.get('format')}, and this is format {FORMAT}")
    files: dict[str, dict[str, Any]] = content.get("files")  # type: ignore[assignment]  # asked in the next line
    each = files.values() if fits(files, dict[str, dict[str, Any]]) else ({},)
    if not all({*f} == {"sha256", "bytes"} and fits(f["sha256"], str) and fits(f["bytes"], Count) for f in each):
        raise Damaged(f"{path} is not a list of files with their size and SHA-256")
    there = {p.name for p in folder.iterdir() if p.suffix in (".json", ".safetensors")} - {path.name}
    if missing := sorted({"facts.json", *files} - there):
        raise Damaged(f"{folder / missing[0]} is missing")
    if unlisted := sorted(there - files.keys()):
        raise Damaged(f"{path} does not list {unlisted[0]}")
    return files


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by name. Damaged for what cannot be read, and for numbers that are not finite."""
    try:
        tensors = load_file(path)
        odd = next((name for name, tensor in tensors.items() if not torch.isfinite(tensor).all()), None)
    except (SafetensorError, KeyError, ValueError, TypeError, NotImplementedError):  # of numbers that torch lacks, too
        raise Damaged(f"{path} is not a file of tensors that can be read") from None
    if odd:
        raise Damaged(f"{path}: {odd} holds numbers that are not finite")
    return tensors


def _verify(path: Path, entry: dict[str, Any]) -> None:
    if not path.is_file():
        raise Damaged(f"{path} is missing")
    if (size := path.stat().st_size) != entry["bytes"]:
        what = "is empty" if size == 0 else f"has {size} bytes instead of {entry['bytes']}"
        raise Damaged(f"{path} {what}")
    if sha256(path) != entry["sha256"]:
        raise Damaged(f"{path} is not what was saved: its SHA-256 differs from the manifest's")


def _facts(path: Path, round_: int) -> dict[str, Any]:
    """The facts of the checkpoint of a round. Damaged for what no run writes: a right SHA-256 does not make them so."""
    facts = _read_json(path)
    fitting = {name: fits(facts[name], kind) for name, kind in _FACTS.items() if name in facts}
    if all(fitting.values()):
        score, rounds, course = facts.get("score", {}), facts.get("rounds"), facts.get("course", {})
        fitting["score"] = not score or all(fits(score.get(name), kind) for name, kind in _SCORE.items())
        fitting["round"] = facts.get("round", round_) == round_
        fitting["rounds"] = rounds is None or rounds >= max(1, round_)
        fitting["course"] = _is_course(course, round_, rounds)
    if wrong := [name for name, fine in fitting.items() if not fine]:
        raise Damaged(f"{path} was not written by a run: its '{wrong[0]}' is {brief(facts[wrong[0]])}")
    return facts


def _is_course(course: dict[str, Any], round_: int, rounds: int | None) -> bool:
    """Did progress change its pace here, where it was measured and, of a run that was made longer, where it ended?"""
    places = [course.get(name, [0, 0.0]) for name in ("bend", "mark")]
    if not all(isinstance(place, list) and place[0] <= round_ and place[1] >= 0 for place in places):
        return False
    end = course.get("end")
    return end is None or (isinstance(end, int) and 1 <= end <= (rounds or 0))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = text(path)
        value = from_json(content) if content else None
    except FileNotFoundError:
        raise Damaged(f"{path} is missing") from None
    except Garbled as error:
        raise Damaged(f"{path} is not readable JSON: {error}") from None
    if value is None:
        raise Damaged(f"{path} is empty")
    if not isinstance(value, dict):
        raise Damaged(f"{path} is not a JSON object")
    return value
