"""The form in which a task leaves Saddle: a function of tensors, with all that somebody without Saddle must know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..base import rng
from ..spec import DataSpec
from ..spec.field import Field

PADDING = (
    "where a side is no multiple, or too short, mirror the image beyond its edges (2 1 | 0 1 2 | 1 0), half of it on "
    "each side, the smaller half first; and cut the result"
)
ROWS = 100  # of the data's columns, to draw from
Forms = dict[str, "Form | str"]  # by name; text: why there is none


class Port(NamedTuple):
    """An input or an output: `says` what it is; further facts by name, as JSON holds them."""

    name: str
    says: str
    facts: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Form:
    """One thing that a trained game does, as a function of tensors that torch.export can trace.

    `compute` draws no random numbers; it takes the tensors of `inputs` and gives those of `outputs`, in their order.
    `draw(n, larger)` gives inputs of n samples [n, …] to try it with, of the training's sizes, or one step larger.
    """

    compute: Callable[..., tuple[Tensor, ...]]
    draw: Callable[[int, bool], tuple[Tensor, ...]]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    resizable: bool = False  # may height and width of images be others than in training?
    facts: Mapping[str, Any] = field(default_factory=dict)  # what else somebody must know, as JSON holds it
    tokenizer: Mapping[str, Any] | None = None  # how a text becomes the numbers of an input, if one is a text


def part(name: str, size: int, kind: str, **more: Any) -> dict[str, Any]:
    """Numbers in a latent: how many, and how they are drawn.

    normal, within ± a limit and times a scale if there are some; uniform from low to high; one-hot, with the shares of
    the places if they are not even; data: one of the rows, which are of the data; found: by an encoder, never drawn.
    """
    return {"name": name, "size": size, "distribution": kind, **more}


def rows_of(data: DataSpec) -> list[list[float]]:
    """Rows of the data's columns, evenly spaced among those that it knows, to draw from."""
    step = -(-len(data.distribution) // ROWS) or 1
    return [list(row) for row in data.distribution[::step]]


def seen(key: str, of: Field, says: str = "") -> Port:
    """The port of images, maps, masks, points or signals that a field describes."""
    told = {
        "image": "image in [-1, 1]: pixel / 127.5 - 1",
        "map": "label map, int64: the number of a class for every pixel",
        "mask": "mask: 0 or 1",
        "instances": "int64: the number of an object for every pixel",
        "points": "point, in the units of training",
        "signal": "signal, in the units of training",
    }[of.kind]
    facts: dict[str, Any] = {"range": [-1, 1]} if of.kind == "image" else {}
    if of.kind == "mask":
        facts["range"] = [0, 1]
    if of.offset:
        facts |= {"offset": list(of.offset), "scale": list(of.scale)}  # in the data's own units: x · scale + offset
    if of.names:
        facts["names"] = list(of.names)
    if of.palette:
        facts["palette"] = [list(colour) for colour in of.palette]
    return Port(key, says or told, facts)


def made(key: str, of: Field) -> Port:
    """The port of what a network draws of such a field: of a map or a mask the planes that `as_planes` gives."""
    if of.kind not in ("map", "mask"):
        return seen(key, of)
    told = "planes, one for each class: the greatest is the pixel's" if of.kind == "map" else "mask in [-1, 1]"
    return Port(key, told, {**seen(key, of).facts, "range": [-1, 1]})


def examples(of: Field, n: int, step: int = 0) -> Tensor:
    """n random samples [n, …] of a field; of images `step` pixels larger each way."""
    shape = of.shape if not (of.is_spatial and step) else (*of.shape[:-2], *(side + step for side in of.shape[-2:]))
    uniform = rng.rand(n * prod(shape), device=torch.device("cpu")).reshape(n, *shape)
    if of.kind in ("map", "instances"):
        return (uniform * (len(of.names) or 2)).long()
    return uniform.round() if of.kind == "mask" else uniform * 2 - 1
