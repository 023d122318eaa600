"""A form of a game as a graph of layers, and the copy of the game that it is traced from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, cast

import torch
from sympy import Symbol
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from ..base import rng
from ..base.errors import SaddleError
from ..base.known import settled
from ..layers.dropout import silence
from ..tasks import Form, Game

EXAMPLES = 3  # samples that a graph is traced with; it then takes any number


def still(game: Game) -> tuple[Game, list[float]]:
    """A copy on the processor whose results are not random, and the chances to keep a unit of dropout it had in use."""
    copy = deepcopy(game).cpu().eval().requires_grad_(False)
    return copy, silence(copy)


class Traced(nn.Module):
    """What a form computes, with those parts of the game that it makes use of."""

    def __init__(self, form: Form, game: Game):
        super().__init__()
        self.compute: Callable[..., tuple[Tensor, ...]] = form.compute
        used = _used(form)
        _take(self, game, used)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Inputs [N, …] → outputs [N, …]."""
        return self.compute(*inputs)


class _Seen(TorchFunctionMode):
    """Which tensors are computed with."""

    def __init__(self) -> None:
        super().__init__()
        self.tensors: set[int] = set()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.tensors |= {id(x) for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)}
        return func(*args, **(kwargs or {}))


@torch.no_grad()
def _used(form: Form) -> set[int]:
    inputs = drawn(form, EXAMPLES)
    with _Seen() as seen:
        form.compute(*inputs)
    return seen.tensors


def _take(into: nn.Module, module: nn.Module, used: set[int], path: str = "") -> None:
    """Give it the parts of a module that are used, whole where all of their own parts are, by their names."""
    own = {**module._parameters, **module._buffers}
    if path and _is_whole(module, used):
        into.register_module(path, module)
        return
    for name, tensor in own.items():
        if tensor is not None and id(tensor) in used:
            into.register_buffer(f"{path}_{name}" if path else name, tensor.detach())
    for name, child in module.named_children():
        _take(into, child, used, f"{path}_{name}" if path else name)


def _is_whole(module: nn.Module, used: set[int]) -> bool:
    """Is something used of each of its children that has tensors, or of itself?"""
    if any(id(x) in used for x in (*module.parameters(recurse=False), *module.buffers(recurse=False))):
        return True
    parts = [[id(x) for x in (*child.parameters(), *child.buffers())] for child in module.children()]
    return bool(parts) and all(used.intersection(ids) for ids in parts if ids)


def drawn(form: Form, n: int, larger: bool = False, seed: int = 0) -> tuple[Tensor, ...]:
    """Inputs of n samples [n, …] to try a form with; the same seed gives the same."""
    with rng.apart(seed, "export"), torch.no_grad():
        return form.draw(n, larger)


def _dims(x: Tensor, batch: Dim, resizable: bool) -> dict[int, Any]:
    """Which sizes of an input may be others than in the example; of height and width it is found out."""
    spatial = x.ndim == 4 or (x.ndim == 3 and not x.is_floating_point())
    free = {x.ndim - 2: Dim.AUTO, x.ndim - 1: Dim.AUTO} if resizable and spatial else {}
    return {0: batch, **free}


class Graph:
    """A form as torch.export has it."""

    def __init__(self, program: ExportedProgram, module: nn.Module, inputs: tuple[Tensor, ...], form: Form):
        self.program, self.module, self.inputs, self.form = program, module, inputs, form

    @property
    def shapes(self) -> list[tuple[int | str, ...]]:
        """Of every input: numbers, or "batch", "height" and "width" where they may be others."""
        return self._shapes(self.program.graph_signature.user_inputs)

    @property
    def made(self) -> list[tuple[int | str, ...]]:
        """Likewise of every output, by those of the inputs, such as 4*height."""
        return self._shapes(self.program.graph_signature.user_outputs)

    def _shapes(self, names: Sequence[Any]) -> list[tuple[int | str, ...]]:
        values = {node.name: node.meta["val"] for node in self.program.graph.nodes if "val" in node.meta}
        given = [values[name].shape for name in self.program.graph_signature.user_inputs]
        known = {
            side.node.expr: Symbol(_place(i, len(shape)), integer=True, positive=True)
            for shape in given
            for i, side in enumerate(shape)
            if not isinstance(side, int) and side.node.expr.is_Symbol
        }
        shapes = [values[name].shape for name in names]
        return [tuple(_size(side, known, i, len(shape)) for i, side in enumerate(shape)) for shape in shapes]

    @property
    def dtypes(self) -> list[str]:
        return [str(x.dtype).removeprefix("torch.") for x in self.inputs]

    def save(self, path: Path, told: str) -> None:
        """Write a .pt2 file, with these facts as `saddle.json` inside: torch.export.load(path, extra_files=…)."""
        torch.export.save(self.program, path, extra_files={"saddle.json": told})


def _size(side: Any, known: dict[Any, Any], place: int, count: int) -> int | str:
    """A number, or a size by its name, or what becomes of one, such as 4*height."""
    if isinstance(side, int):
        return side
    size = side.node.expr
    return str(size.xreplace(known)) if size.free_symbols <= known.keys() else _place(place, count)


def _place(place: int, count: int) -> str:
    return "batch" if place == 0 else {count - 2: "height", count - 1: "width"}.get(place, "any")


@torch.no_grad()
def traced(game: Game, name: str) -> Graph:
    """One form of a game as a graph. SaddleError where torch.export finds a way that depends on a value."""
    own = cast(Game, settled(still(game)[0]))
    form = cast(Form, own.forms()[name])
    inputs = drawn(form, EXAMPLES)
    batch, module = Dim("batch"), Traced(form, own)
    shapes = tuple(_dims(x, batch, form.resizable) for x in inputs)
    try:
        program = torch.export.export(module, inputs, dynamic_shapes=(shapes,), strict=False)
    except Exception as error:
        raise SaddleError(f"{name} cannot be traced by torch.export: {error}") from error
    return Graph(program, module, inputs, form)
