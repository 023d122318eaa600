"""Run by itself, in a process of its own: open an exported file, compute, and print how far from the run it is.

  python fresh.py KIND FILE CASES

CASES is a file of tensors: CASE.in.K goes into the file, CASE.out.K is what the run gives. Of a .pt2 or .onnx file this
needs no Saddle. Prints the largest difference of two numbers as JSON, and of each case.
"""

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

Arrays = Sequence[NDArray[Any]]


def pt2(path: str) -> Callable[[str, Arrays], Arrays]:
    """The program of torch.export in a file: (case, inputs) → outputs."""
    import torch

    program = torch.export.load(path).module()

    def compute(case: str, inputs: Arrays) -> Arrays:
        with torch.no_grad():
            return [x.numpy() for x in program(*map(torch.from_numpy, inputs))]

    return compute


def onnx(path: str) -> Callable[[str, Arrays], Arrays]:
    """The graph in a file, computed by onnxruntime: (case, inputs) → outputs."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]
    return lambda case, inputs: session.run(None, dict(zip(names, inputs, strict=True)))


def safetensors(path: str) -> Callable[[str, Arrays], Arrays]:
    """The run in a folder, which Saddle opens: (case, inputs) → outputs. A case is FORM, or `draw`: samples."""
    import torch

    import saddle
    from saddle.export.traced import still

    run = saddle.load(path, device="cpu")
    forms: Any = still(run.game)[0].forms()

    def compute(case: str, inputs: Arrays) -> Arrays:
        if case == "draw":
            return [run.sample(int(inputs[0][0])).numpy()]
        with torch.no_grad():
            return [x.numpy() for x in forms[case].compute(*map(torch.from_numpy, inputs))]

    return compute


def main(kind: str, path: str, cases: str) -> None:
    tensors = load_file(cases)
    compute = {"pt2": pt2, "onnx": onnx, "safetensors": safetensors}[kind](path)
    differences: dict[str, float] = {}
    for case in sorted({name.rpartition(".in.")[0] for name in tensors if ".in." in name}):
        inputs, wanted = (
            [tensors[f"{case}.{side}.{i}"] for i in range(sum(name.startswith(f"{case}.{side}.") for name in tensors))]
            for side in ("in", "out")
        )
        made = compute(case.partition(".")[0], inputs)
        apart = [
            np.abs(ours.astype(np.float64) - theirs).max() if ours.shape == theirs.shape else np.inf
            for ours, theirs in zip(made, wanted, strict=True)
        ]
        differences[case] = float(np.nan_to_num(max(apart), nan=np.inf))
    print(json.dumps({"largest": max(differences.values()), "cases": differences}))


if __name__ == "__main__":
    main(*sys.argv[1:])
