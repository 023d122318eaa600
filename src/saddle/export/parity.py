"""Is an exported file the run? A process that knows the file alone computes, and is compared with the game itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from ..base.errors import SaddleError
from ..tasks import Form
from .traced import drawn

LIMIT = 1e-4  # of the largest difference of two numbers, those of images from -1 to 1
BATCHES = (1, 3, 12)  # samples at a time; 16 in all
SEED = 1  # of the inputs that are tried; those of the trace have another


@dataclass(frozen=True)
class Parity:
    """How far an exported file is from the run."""

    largest: float  # difference of two numbers
    limit: float = LIMIT
    batches: tuple[int, ...] = BATCHES
    larger: bool = False  # was a larger image tried too?

    def written(self) -> dict[str, Any]:
        return asdict(self)


@torch.no_grad()
def cases(name: str, form: Form) -> dict[str, Tensor]:
    """Inputs of a form, and what the game computes of them, as `fresh` takes them."""
    tried = [(n, False) for n in BATCHES] + ([(2, True)] if form.resizable else [])
    tensors: dict[str, Tensor] = {}
    for i, (n, larger) in enumerate(tried):
        inputs = drawn(form, n, larger, SEED)
        for side, values in (("in", inputs), ("out", form.compute(*inputs))):
            tensors |= {f"{name}.{i}.{side}.{k}": x.detach().clone().contiguous() for k, x in enumerate(values)}
    return tensors


def measure(kind: str, path: Path, tensors: dict[str, Tensor], larger: bool) -> Parity:
    """How far a file is from these results. SaddleError where it is too far, or cannot be opened."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "cases.safetensors"
        save_file(tensors, file)
        command = [sys.executable, "-P", str(Path(__file__).with_name("fresh.py")), kind, str(path), str(file)]
        found = subprocess.run(command, capture_output=True, text=True, env=_environment())
    if found.returncode:
        last = (found.stderr.strip() or "nothing").splitlines()[-1]
        raise SaddleError(f"{path.name} was written, but a fresh process cannot use it: {last}; nothing was kept")
    parity = Parity(json.loads(found.stdout.splitlines()[-1])["largest"], larger=larger)
    if not parity.largest <= LIMIT:
        raise SaddleError(
            f"{path.name} differs from the run by {parity.largest:.1e}, more than the limit of {LIMIT:g}; nothing was "
            "kept. Please report it, with recipe.yaml"
        )
    return parity


def _environment() -> dict[str, str]:
    """That of this process, in which the same Saddle is found."""
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
