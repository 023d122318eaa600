"""What stands beside an exported file, and inside it: everything that its tensors do not say."""

from __future__ import annotations

from collections import Counter
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

from .._version import __version__
from ..runs.recipe import portable
from ..runs.run import Run
from ..tasks import Form
from ..tasks.form import Port
from .traced import Graph

FORMAT = 1


def of_run(run: Run) -> dict[str, Any]:
    """What is the same for all files of a run: where its weights are from, its settings, its data."""
    return {
        "format": FORMAT,
        "made_with": {"saddle": __version__, "torch": torch.__version__},
        "game": run.recipe.game,
        "round": run.round,
        "trained_against": run.game.trained_against,
        "recipe": portable(run.recipe).to_dict(),
        "data": run.spec.identity(),
    }


def of_form(name: str, graph: Graph, form: Form, kept: list[float]) -> dict[str, Any]:
    """What a form takes and gives. A size that may be another one is a name, such as batch."""
    ports = described(name, form)
    inputs = [
        port | {"shape": list(shape), "dtype": dtype}
        for port, shape, dtype in zip(ports["inputs"], graph.shapes, graph.dtypes, strict=True)
    ]
    outputs = [port | {"shape": list(shape)} for port, shape in zip(ports["outputs"], graph.made, strict=True)]
    silenced = {"in_training_and_use": kept, "here": "left out"} if kept else {"here": "none"}
    more = {"tokenizer": dict(form.tokenizer)} if form.tokenizer else {}
    return {
        "task": name,
        "inputs": inputs,
        "outputs": outputs,
        "dropout": silenced,
        "norms": norms(graph.module),
        "edges": paddings(graph.module),
        **form.facts,
        **more,
    }


def described(name: str, form: Form) -> dict[str, Any]:
    """What a form takes and gives, as far as nobody has to trace it."""
    return {"task": name, "inputs": [*map(_port, form.inputs)], "outputs": [*map(_port, form.outputs)]}


def norms(module: nn.Module) -> dict[str, int]:
    """How many layers of a network normalise, and by whose statistics."""
    found: Counter[str] = Counter()
    for part in module.modules():
        if isinstance(part, _BatchNorm):
            found["batch norm, statistics of training"] += 1
        elif isinstance(part, _InstanceNorm):
            found[f"{type(part).__name__}, statistics of each image"] += 1
        elif "norm" in type(part).__name__.lower():
            found[type(part).__name__] += 1
    return dict(found)


def paddings(module: nn.Module) -> dict[str, int]:
    """How many layers of a network fill in what lies beyond an image's edges, and with what."""
    found: Counter[str] = Counter()
    for part in module.modules():
        name = type(part).__name__
        if isinstance(part, nn.Conv2d) and any(part.padding):
            found["zeros" if part.padding_mode == "zeros" else part.padding_mode] += 1
        elif name.endswith(("Pad1d", "Pad2d")):
            found[name] += 1
    return dict(found)


def _port(port: Port) -> dict[str, Any]:
    return {"name": port.name, "says": port.says, **port.facts}
