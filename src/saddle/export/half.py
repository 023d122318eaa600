"""Weights in half the bytes: kept as float16, and computed with as float32."""

from __future__ import annotations

import torch
from torch import nn
from torch.export import ExportedProgram

from ..base.precision import is_large

SAID = "float16, computed with as float32"


def halved(program: ExportedProgram) -> None:
    """Keep the weights of a program as float16, and widen each before it is used.

    Inputs, outputs, biases and the statistics of norms stay float32: they are few.
    """
    graph, signature = program.graph_module.graph, program.graph_signature
    names = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    nodes = list(graph.nodes)
    first = next(node for node in nodes if node.op != "placeholder")
    for node in nodes:
        weight = program.state_dict.get(name := names.get(node.name, ""))
        if node.op != "placeholder" or weight is None or not is_large(weight):
            continue
        with graph.inserting_before(first):
            wide = graph.call_function(torch.ops.aten.to.dtype, (node, torch.float32))
        node.replace_all_uses_with(wide, delete_user_cb=lambda user, wide=wide: user is not wide)
        wide.meta["val"], node.meta["val"] = node.meta["val"], node.meta["val"].half()
        program.state_dict[name] = nn.Parameter(weight.detach().half(), requires_grad=False)
    program.graph_module.recompile()
