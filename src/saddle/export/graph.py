"""A traced form as an ONNX file, which onnxruntime computes."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from ..base.errors import UsageError, some
from .traced import Graph

NEEDED = ("onnx", "onnxscript", "onnxruntime")
KEY = "saddle"  # of the facts in the file's metadata


def check_there() -> None:
    """UsageError unless what writes and tries such files is installed."""
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise UsageError(
            f"ONNX files are written and tried with {some(NEEDED)}; not installed: {some(missing)}. Run "
            f"pip install {' '.join(NEEDED)}, or choose --to pt2 or safetensors"
        )


@contextmanager
def quiet() -> Iterator[None]:
    """Without what the exporter says of packages that are missing and of its own code."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


def save(graph: Graph, path: Path, told: str) -> None:
    """Write one file, weights included, with its facts in the metadata; the trace of `graph` is used again."""
    inputs, outputs = ([port.name for port in ports] for ports in (graph.form.inputs, graph.form.outputs))
    with quiet():
        program = torch.onnx.export(graph.program, dynamo=True, input_names=inputs, output_names=outputs, verbose=False)
    assert program is not None
    values: Any = (*program.model.graph.inputs, *program.model.graph.outputs)
    for value, shape in zip(values, (*graph.shapes, *graph.made), strict=True):
        value.shape = type(value.shape)(shape)
    program.model.metadata_props[KEY] = told
    program.save(path, external_data=False)
