"""Is an exported file the run? A process that knows the files alone computes, and is compared with the game itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
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
HALF_LIMIT = 0.02  # of weights in half the bytes, times the largest number that the run gives, or 1 where that is less
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


def measure(
    kind: str, folder: Path, tensors: dict[str, Tensor], half: bool = False, modules: Sequence[str] = ()
) -> dict[str, Parity]:
    """How far the files in a folder are from these results, by form. `modules` of other people define the run's parts.

    SaddleError where one is too far, or cannot be opened.
    """
    with TemporaryDirectory() as own:
        file = Path(own) / "cases.safetensors"
        save_file(tensors, file)
        script = str(Path(__file__).with_name("fresh.py"))
        command = [sys.executable, "-P", script, kind, str(folder), str(file), *modules]
        found = subprocess.run(command, capture_output=True, text=True, env=_environment())
    if found.returncode:
        last = (found.stderr.strip() or "nothing").splitlines()[-1]
        raise SaddleError(f"it was written as {kind}, but a fresh process cannot use it: {last}; nothing was kept")
    parities = {}
    differences: dict[str, float] = json.loads(found.stdout.splitlines()[-1])
    for form in dict.fromkeys(case.rpartition(".")[0] for case in differences):
        largest = max(apart for case, apart in differences.items() if case.rpartition(".")[0] == form)
        limit = HALF_LIMIT * _range(form, tensors) if half else LIMIT
        parities[form] = Parity(largest, limit, larger=f"{form}.{len(BATCHES)}" in differences)
        if not largest <= limit:
            raise SaddleError(
                f"{form} as {kind} differs from the run by {largest:.1e}, more than the limit of {limit:.2g}; nothing "
                f"was kept. {'Leave out --precision fp16' if half else 'Please report it, with recipe.yaml'}"
            )
    return parities


def farthest(parities: Iterable[Parity]) -> Parity:
    """The one that is nearest to its limit, or beyond it."""
    return max(parities, key=lambda each: each.largest / each.limit)


def _range(form: str, tensors: dict[str, Tensor]) -> float:
    """The largest number that the run gives, or 1 where that is less."""
    results = [x for case, x in tensors.items() if case.startswith(f"{form}.") and ".out." in case]
    return max(1.0, *(float(x.abs().max()) for x in results))


def _environment() -> dict[str, str]:
    """That of this process, in which the same modules are found."""
    root = Path(__file__).resolve().parents[2]
    paths = [str(root), *(os.path.abspath(path) for path in sys.path)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}
