"""Two runs that commit 03f7ea2 left, and what it found in them: so that runs of old go on for ever.

`data/make_old_runs.py` made the files. They never change; what is asked of them stands in test_old_runs.py.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
DATA = Path("tests/data")  # below ROOT, as the runs know it: their recipes name their data so
INTERRUPTED = DATA / "run-03f7ea2"  # a game with much to remember, stopped after round 3 of 6
FINISHED = DATA / "run-03f7ea2-finished"  # a classifier, with scores
TABLE = DATA / "run-03f7ea2.json"  # what 03f7ea2 found
GROUPS = ("game", "averages", "optimizers")


def checkpoint(run: Path, round_: int) -> Path:
    return run / "checkpoints" / f"round-{round_:07d}"


def tensors(folder: Path) -> dict[str, Tensor]:
    """All tensors of a checkpoint, by file and name."""
    found = {}
    for group in GROUPS:
        with safe_open(folder / f"{group}.safetensors", framework="pt") as file:
            found |= {f"{group}/{name}": file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a dict)
    return found


def digest(tensor: Tensor) -> str:
    """SHA-256 of type, shape and values to the bit."""
    header = f"{str(tensor.dtype).removeprefix('torch.')}{[*tensor.shape]}".encode()
    values = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
    return hashlib.sha256(header + values).hexdigest()


def norms(named: dict[str, Tensor]) -> dict[str, float]:
    """The length of every tensor: what other machines, which add in another order, can be asked for."""
    return {name: float(tensor.double().norm()) for name, tensor in named.items()}


def facts(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "facts.json").read_text())


def losses(run: Path) -> dict[str, dict[str, float]]:
    """The losses of every round that was logged, by round; a round that was played twice has its later ones."""
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    return {str(event["round"]): event["losses"] for event in events if event["event"] == "round"}
