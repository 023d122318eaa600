"""Run by itself, in a process of its own: open exported files, compute, and print how far from the run each is.

  python fresh.py KIND FOLDER CASES [MODULE …]

CASES is a file of tensors: of a form FORM.I.in.K goes into its file, FORM.I.out.K is what the run gives. Of .pt2 and
.onnx files this needs no Saddle. The modules are those of other people that define what the run is made of. Prints the
largest difference of two numbers of each case as JSON.
"""

import json
import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

Arrays = Sequence[NDArray[Any]]
Compute = Callable[[Arrays], Arrays]


def pt2(folder: str) -> Callable[[str], Compute]:
    """By the name of a form the program of torch.export in its file: inputs → outputs."""
    import torch

    def opened(form: str) -> Compute:
        program = torch.export.load(f"{folder}/{form}.pt2").module()
        return lambda inputs: [x.numpy() for x in program(*map(torch.from_numpy, inputs))]

    torch.set_grad_enabled(False)
    return opened


def onnx(folder: str) -> Callable[[str], Compute]:
    """By the name of a form the graph in its file, which onnxruntime computes: inputs → outputs."""
    import onnxruntime

    def opened(form: str) -> Compute:
        session = onnxruntime.InferenceSession(f"{folder}/{form}.onnx", providers=["CPUExecutionProvider"])
        names = [each.name for each in session.get_inputs()]
        return lambda inputs: session.run(None, dict(zip(names, inputs, strict=True)))

    return opened


def safetensors(folder: str, *modules: str) -> Callable[[str], Compute]:
    """By the name of a form what the run in a folder, opened by Saddle, computes; `draw` gives samples."""
    import torch

    import saddle
    from saddle.export.traced import still

    for module in modules:
        saddle.plugin(module)
    run = saddle.load(folder, device="cpu")
    forms: Any = still(run.game)[0].forms()
    torch.set_grad_enabled(False)

    def opened(form: str) -> Compute:
        if form == "draw":
            return lambda inputs: [run.sample(int(inputs[0][0])).numpy()]
        return lambda inputs: [x.numpy() for x in forms[form].compute(*map(torch.from_numpy, inputs))]

    return opened


def main(kind: str, folder: str, cases: str, *modules: str) -> None:
    tensors = load_file(cases)
    opened = cache({"pt2": pt2, "onnx": onnx, "safetensors": safetensors}[kind](folder, *modules))
    differences: dict[str, float] = {}
    for case in sorted({name.rpartition(".in.")[0] for name in tensors if ".in." in name}):
        inputs, wanted = (
            [tensors[f"{case}.{side}.{i}"] for i in range(sum(name.startswith(f"{case}.{side}.") for name in tensors))]
            for side in ("in", "out")
        )
        made = opened(case.rpartition(".")[0])(inputs)
        apart = [
            np.abs(ours.astype(np.float64) - theirs).max() if ours.shape == theirs.shape else np.inf
            for ours, theirs in zip(made, wanted, strict=True)
        ]
        differences[case] = float(np.nan_to_num(max(apart), nan=np.inf))
    print(json.dumps(differences))


if __name__ == "__main__":
    main(*sys.argv[1:])
