"""pytorch-pretrained-BigGAN: DeepMind's BigGAN-deep, such as biggan-deep-128-pytorch_model.bin; --config its JSON

https://github.com/huggingface/pytorch-pretrained-BigGAN
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ...base.errors import SaddleError
from ...base.plain import Garbled, fits, from_json, text
from ...spec import DataSpec
from ..matching import Adopted, Asked, Matching
from ..reading import Found
from ._norms import EPS, by_both, statistics

LICENCE = "MIT (the code); the weights are DeepMind's, published on TensorFlow Hub under the Apache License 2.0"
PARTS = ("state_dict",)
CHOICES = ("as_published", "config")
BOTTOM, CHANNELS, DEPTH = 4, 3, 2  # side of the smallest map; of an image; blocks at each size
PUBLISHED_EPS = 1e-4  # of batch norm, in the settings of all three published files
CONVOLUTIONS = ("enter", "inner.0", "inner.1", "leave")  # conv_0 to conv_3
ATTENTION = {"theta": "query", "phi": "key", "g": "value", "o_conv": "out"}


def adopt(found: Found, asked: Asked) -> Adopted:
    """A BigGAN-deep without its discriminator, with its sets of batch norm's statistics for truncations."""
    part = Matching(found)
    numbers, classes = part.shape("embeddings.weight", 2)
    width, sets = part.shape("generator.bn.weight", 1)[0], part.shape("generator.bn.running_means", 2)[0]
    layers = part.numbers(r"generator\.layers\.(\d{1,5})\.")
    attending = [k for k in layers if f"generator.layers.{k}.gamma" in part.tensors]
    blocks = [k for k in layers if k not in attending]
    levels = part.levels(len(blocks) // DEPTH)
    if (
        layers != [*range(len(layers))]
        or len(blocks) % DEPTH
        or len(attending) > 1
        or any(k % DEPTH for k in attending)
        or sets < 2
    ):
        raise part.refuse(f"its layers do not come as {DEPTH} blocks at each size with attention behind one of them")
    said = _config(part, asked, levels, attending)
    eps = float(said.get("eps", PUBLISHED_EPS))
    if not EPS <= eps < 1:
        raise part.refuse(f"eps of batch norm is {eps}, and at least {EPS} is possible here")
    _Taking(part, numbers, eps).all(blocks, attending)
    settings = {
        "game.z_dim": numbers,
        "game.network.width": width if levels > 4 else width // (4 if levels <= 3 else 2),
        "game.network.shared": numbers,
        "game.network.attention": BOTTOM << attending[0] // DEPTH if attending else 0,
        "game.network.spectral_generator": False,
        "game.network.tables": sets,
        "game.network.swapped": asked.as_published,
    }
    side = BOTTOM << levels
    data = DataSpec.of((CHANNELS, side, side), ("image", "label"), part.classes(classes))
    what, notes = "A generator of images by class (BigGAN-deep).", _notes(sets, eps, said, asked)
    return Adopted("biggan-deep", what, settings, data, [part], ("discriminator",), notes)


def _notes(sets: int, eps: float, said: dict[str, Any], asked: Asked) -> list[str]:
    how = (
        "as published: the weights of the two sets are swapped, and some truncations with a set of their own miss it"
        if asked.as_published
        else "linearly; the published code swaps the weights of the two sets (--as-published does as it does)"
    )
    return [
        "The classes have numbers for names, those of ImageNet in the usual order, from 0.",
        f"Batch norm has {sets} sets of statistics, for truncations from 0 to 1. Between two it interpolates {how}.",
        "`--truncation t` draws normal numbers within ±2 and multiplies them by t, as the sets were made. Without it, "
        "t is 1. For other BigGANs here it is the largest size of a number instead.",
        f"Spectral norm was computed once. Batch norm's ε, {eps:g}, {'is that of --config' if said else 'is assumed'}.",
        "Of the channels of the last convolution, all but the first three were never shown, and are left out.",
    ]


def _config(part: Matching, asked: Asked, levels: int, attending: list[int]) -> dict[str, Any]:
    """The JSON that came with the file. SaddleError if it is none, or says of the layers what is not so here."""
    if asked.config is None:
        return {}
    try:
        said = from_json(text(asked.config))
    except (Garbled, OSError) as error:
        raise SaddleError(f"{asked.config} is not readable JSON: {error}") from None
    if not isinstance(said, dict):
        raise SaddleError(f"{asked.config} holds no settings")
    layers, eps = said.get("layers", [[k % 2, 0, 0] for k in range(DEPTH * levels)]), said.get("eps", 0.0)
    doubles = [bool(layer[0]) for layer in layers if isinstance(layer, list) and layer] if fits(layers, list) else []
    usual = doubles == [False, True] * levels and fits(eps, float)
    if not usual or (attending and said.get("attention_layer_position", attending[0]) != attending[0]):
        raise part.refuse(f"{asked.config} says that its layers come in another order than {DEPTH} blocks at each size")
    return said


class _Taking:
    """Moves all tensors. `numbers` is the length of z, and of the class embedding."""

    def __init__(self, part: Matching, numbers: int, eps: float):
        self.part, self.numbers, self.eps = part, numbers, eps

    def all(self, blocks: list[int], attending: list[int]) -> None:
        part = self.part
        part.take("generator.embedding.weight", "embeddings.weight", lambda x: x.T.contiguous())
        self.weight("first", "gen_z", lambda w: _channels_first(self.turned(w)))
        part.take("generator.first.bias", "generator.gen_z.bias", _channels_first)
        for place, k in enumerate(blocks):
            ours, theirs = f"levels.{place // DEPTH}.{place % DEPTH}", f"layers.{k}"
            for i, name in enumerate(CONVOLUTIONS):
                self.weight(f"{ours}.{name}", f"{theirs}.conv_{i}")
                part.take(f"generator.{ours}.{name}.bias", f"generator.{theirs}.conv_{i}.bias")
                self.norm(f"{ours}.norms.{i}.norm", f"{theirs}.bn_{i}")
                self.weight(f"{ours}.norms.{i}.scale", f"{theirs}.bn_{i}.scale", self.turned)
                self.weight(f"{ours}.norms.{i}.shift", f"{theirs}.bn_{i}.offset", self.turned)
        for k in attending:
            ours = f"attentions.{k // DEPTH - 1}"
            for theirs, name in ATTENTION.items():
                self.weight(f"{ours}.{name}", f"layers.{k}.snconv1x1_{theirs}")
            part.take(f"generator.{ours}.gamma", f"generator.layers.{k}.gamma", lambda x: x.reshape(()))
        self.norm("last.0", "bn")
        for name in ("weight", "bias"):
            part.take(f"generator.last.0.{name}", f"generator.bn.{name}")
        self.weight("last.2", "conv_to_rgb", lambda w: w[:CHANNELS].contiguous())
        part.take("generator.last.2.bias", "generator.conv_to_rgb.bias", lambda b: b[:CHANNELS].contiguous())

    def weight(self, ours: str, theirs: str, change: Callable[[Tensor], Tensor] = lambda w: w) -> None:
        """A weight as spectral norm leaves it."""
        name = f"generator.{theirs}.weight"
        beside = [f"{name}_{what}" for what in "uv"]
        self.part.used.update(beside)
        if lacking := [each for each in beside if each not in self.part.tensors]:
            self.part.missing += lacking
        else:
            self.part.take(f"generator.{ours}.weight", f"{name}_orig", lambda _: change(by_both(self.part, name)))

    def norm(self, ours: str, theirs: str) -> None:
        """The sets of statistics, and those of truncation 1 as the norm's own."""
        names = [f"generator.{theirs}.running_{what}" for what in ("means", "vars")]
        self.part.used.update(names)
        if lacking := [each for each in names if each not in self.part.tensors]:
            self.part.missing += lacking
            return
        means, variances = (self.part.tensors[name] for name in names)
        statistics(self.part, f"generator.{ours}", means[-1].clone(), variances[-1].clone(), self.eps)
        self.part.give(f"generator.{ours}.means", means)
        self.part.give(f"generator.{ours}.variances", variances + (self.eps - EPS))

    def turned(self, w: Tensor) -> Tensor:
        """Theirs takes z beside the class, ours the class beside z.  [outputs, 2 · numbers] → same shape"""
        return torch.cat((w[:, self.numbers :], w[:, : self.numbers]), 1)


def _channels_first(x: Tensor) -> Tensor:
    """Rows of (height, width, channels) as rows of (channels, height, width).  [rows, …] → same shape"""
    return x.unflatten(0, (BOTTOM, BOTTOM, -1)).movedim(2, 0).reshape(x.shape)
