"""pytorch-CycleGAN-and-pix2pix: a U-Net or a ResNet of pix2pix, such as latest_net_G.pth

https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix
"""

from typing import Any

import torch
from torch import Tensor

from ...spec import DataSpec
from ...spec.field import Field
from ..matching import MOST_LEVELS, Adopted, Asked, Matching
from ..reading import Found
from . import _resnet

LICENCE = "BSD (2-clause) of the code; the authors' weights come with it, without another licence"
PARTS = ("state_dict",)
CHOICES = ("no_dropout", "size")
SIZE = 256  # pixels of the authors' training images
DROPOUT = 0.5  # chance of a unit to be 0, where there is dropout
SMALLEST_JUDGED = 24  # pixels: below it the discriminator, which is absent, could not be


def adopt(found: Found, asked: Asked) -> Adopted:
    """A pix2pix without its discriminator."""
    part = Matching(found)
    unet = "model.model.0.weight" in part.tensors
    settings, shape, notes = _unet(part, asked) if unet else _resnet_of(part, asked)
    part.leave(r".*\.(running_mean|running_var|num_batches_tracked)")  # each image has its own statistics
    inputs, outputs, side = shape
    if side < SMALLEST_JUDGED:
        settings["game.patch_layers"] = 0
    data = DataSpec({"a": Field("image", (inputs, side, side)), "b": Field("image", (outputs, side, side))})
    notes.append(
        "Norms take each image's own statistics, as test.py does without --eval; those of training are left out."
    )
    network = f"U-Net, {settings['game.levels']} levels" if unet else f"ResNet, {settings['game.blocks']} blocks"
    what = f"A translator of images ({network}), one direction."
    return Adopted("pix2pix", what, settings, data, [part], ("discriminator",), notes)


def _resnet_of(part: Matching, asked: Asked) -> tuple[dict[str, Any], tuple[int, int, int], list[str]]:
    """Settings, (inputs, outputs, side) and notes of a ResNet."""
    found = _resnet.take(part, "generator.")
    if found.dropout and not asked.dropout:
        raise part.refuse("its blocks have dropout, and --no-dropout says that it has none")
    settings = {
        "game.generator": "resnet",
        "game.blocks": found.blocks,
        "game.width": found.width,
        "game.dropout": DROPOUT * found.dropout,
        "game.norm": "batch-of-one" if found.batch_norm else "instance",
    }
    notes = ["Edges are mirrored, as in the authors' code; the file does not say so."]
    return settings, (found.inputs, found.outputs, asked.size or SIZE), notes


def _unet(part: Matching, asked: Asked) -> tuple[dict[str, Any], tuple[int, int, int], list[str]]:
    """Settings, (inputs, outputs, side) and notes of a U-Net, whose blocks lie in each other."""
    inside = ["model."]  # of the first, and of each block in it
    while len(inside) <= MOST_LEVELS and any(name.startswith(f"{_next(inside)}model.") for name in part.tensors):
        inside.append(_next(inside))
    levels, batch_norm = part.levels(len(inside)), "model.model.1.model.2.weight" in part.tensors
    width, inputs, *_ = part.shape("model.model.0.weight", 4)
    outputs = part.shape("model.model.3.weight", 4)[1]
    for level, prefix in enumerate(inside):
        _level(part, f"{prefix}model.", level, levels, batch_norm)
    settings = {
        "game.generator": "unet",
        "game.levels": levels,
        "game.width": width,
        "game.dropout": DROPOUT if asked.dropout else 0.0,
        "game.dropout_in": "inner",
        "game.norm": "batch-of-one" if batch_norm else "instance",
    }
    how = "it is in use, as in test.py; --no-dropout leaves it out" if asked.dropout else "--no-dropout leaves it out"
    return (
        settings,
        (inputs, outputs, asked.size or 2**levels),
        [f"The file does not say whether it had dropout: {how}."],
    )


def _next(inside: list[str]) -> str:
    """Where the block in the last one lies."""
    return f"{inside[-1]}model.{3 if len(inside) > 1 else 1}."


def _level(part: Matching, prefix: str, level: int, levels: int, batch_norm: bool) -> None:
    """One block: a convolution down and one up, with norms."""
    step, first, innermost = levels - 1 - level, level == 0, level == levels - 1
    down, up = (0, 3) if first else (1, 3) if innermost else (1, 5)
    biased = not batch_norm
    names = {f"down.{level}.{0 if first else 1}": (down, biased), f"up.{step}.1": (up, biased or first)}
    for ours, (place, bias) in names.items():
        turns = ours.startswith("up") and not innermost
        part.take(f"generator.{ours}.weight", f"{prefix}{place}.weight", _turned if turns else _same)
        if bias:
            part.take(f"generator.{ours}.bias", f"{prefix}{place}.bias")
    norms = {} if first else {f"up.{step}.2": up + 1} | ({} if innermost else {f"down.{level}.2": down + 1})
    for ours, place in norms.items() if batch_norm else ():
        for name in ("weight", "bias"):
            part.take(f"generator.{ours}.{name}", f"{prefix}{place}.{name}")


def _same(x: Tensor) -> Tensor:
    return x


def _turned(w: Tensor) -> Tensor:
    """Theirs takes the map of the way down before that of the way up, ours after it.  [inputs, …] → same shape"""
    half = len(w) // 2
    return torch.cat((w[half:], w[:half]))
