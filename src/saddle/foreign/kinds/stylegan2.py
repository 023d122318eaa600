"""StyleGAN2-ADA (PyTorch): the averaged generator, G_ema, of a .pkl; also of StyleGAN2 in the code of StyleGAN3

https://github.com/NVlabs/stylegan2-ada-pytorch
"""

import re
from typing import Any

import torch
from torch import Tensor

from ...base.errors import some
from ...spec import DataSpec
from ..matching import Adopted, Asked, Matching
from ..reading import Found

LICENCE = "NVIDIA Source Code License: non-commercial use only, unless whoever trained the weights says otherwise"
PARTS = ("G_ema", "g_ema")
CHOICES = ()
LEAST = 8  # pixels of an image's side
TAPS = torch.tensor([1.0, 3.0, 3.0, 1.0])
EXPECTED: dict[str, set[Any]] = {
    "activation": {"lrelu", "linear"},
    "use_noise": {True},
    "architecture": {"skip"},
    "up": {1, 2},
    "bias_gain": {0.01, 1},
}  # of modules in a pickle: what ours do, too


def adopt(found: Found, asked: Asked) -> Adopted:
    """A StyleGAN2 without its discriminator."""
    part = Matching(found)
    part.shape("mapping.fc0.weight", 2)
    if not found.facts:
        raise part.refuse(
            "tensors alone do not say whether numbers are clamped, as in most such networks; give the .pkl"
        )
    if any(name.startswith("synthesis.L0") for name in part.tensors):
        raise part.refuse("it is of StyleGAN3, whose layers are others")
    _check_facts(part)
    sides = part.numbers(r"synthesis\.b(\d{1,5})\.")
    part.shape("synthesis.b4.const", 3)
    part.levels(len(sides))
    if sides != [4 << i for i in range(len(sides))] or sides[-1] < LEAST:
        raise part.refuse(f"it has maps of sides {sides}, and ours begin with 4 and double")
    widths = {side: part.shape(f"synthesis.b{side}.conv1.weight", 4)[0] for side in sides}
    base, most = _channels(part, widths)
    layers = sum(bool(re.fullmatch(r"mapping\.fc\d+\.weight", name)) for name in part.tensors)
    w_dim = part.shape(f"mapping.fc{layers - 1}.weight", 2)[0]
    classes = part.shape("mapping.embed.weight", 2)[1] if "mapping.embed.weight" in part.tensors else 0
    z_dim = part.shape("mapping.fc0.weight", 2)[1] - (w_dim if classes else 0)
    if z_dim < 1:
        raise part.refuse("its mapping takes no latent beside the class")
    _take(part, sides, layers, bool(classes))
    clamp = _one(part, "conv_clamp", None)
    settings = {
        "game.z_dim": z_dim,
        "game.conditional": bool(classes),
        "game.network.channel_base": base,
        "game.network.channel_max": most,
        "game.network.mapping_layers": layers,
        "game.network.w_dim": w_dim,
        "game.network.clamp": clamp,
    }
    shape = part.shape(f"synthesis.b{sides[-1]}.torgb.weight", 4)[0], sides[-1], sides[-1]
    data = DataSpec.of(shape, ("image", "label") if classes else ("image",), part.classes(classes))
    what = f"A generator of images{' by class' if classes else ''} (StyleGAN2)."
    return Adopted("stylegan2", what, settings, data, [part], ("discriminator",), _notes(clamp, classes))


def _notes(clamp: float | None, classes: int) -> list[str]:
    notes = [
        'It computes in 32 bits, as force_fp32 there, and with its constant noise, as noise_mode="const".',
        "`--truncation` is ψ there; truncation_cutoff is none.",
    ]
    if classes:
        notes.append("The classes have numbers for names; the file does not say which they are.")
    if clamp:
        notes.append(f"Numbers are clamped to ±{clamp:g}, as the file says.")
    return notes


def _one(part: Matching, name: str, otherwise: Any) -> Any:
    """The value that all modules have of a fact. SaddleError if it is not one."""
    found = part.facts.one_fact(name, otherwise)
    if len(found) > 1:
        raise part.refuse(f"its layers differ in {name}: {some(sorted(map(str, found)), 3)}")
    return found.pop()


def _check_facts(part: Matching) -> None:
    """SaddleError for a module that says of itself that it computes what ours does not."""
    for name, fine in EXPECTED.items():
        odd = part.facts.one_fact(name, next(iter(fine))) - fine
        if odd:
            raise part.refuse(f"it has {name} {some(map(str, odd), 3)}, and ours has {' or '.join(map(str, fine))}")
    for name in part.leave(r".*\.resample_filter"):
        taps = part.tensors[name]
        if taps.shape != (4, 4) or not torch.allclose(taps, torch.outer(TAPS, TAPS) / 64):
            raise part.refuse("its filter is not [1, 3, 3, 1]")


def _channels(part: Matching, widths: dict[int, int]) -> tuple[int, int]:
    """channel_base and channel_max. SaddleError if the channels do not follow from two such numbers."""
    most, last = widths[4], max(widths)
    base = widths[last] * last
    if any(width != max(1, min(base // side, most)) for side, width in widths.items()):
        raise part.refuse(f"its channels, {list(widths.values())}, are not a number over the side, with a limit")
    return base, most


def _take(part: Matching, sides: list[int], layers: int, conditional: bool) -> None:
    part.take("generator.w_mean", "mapping.w_avg")
    pairs = {"mapping.embed": "mapping.embed"} if conditional else {}
    pairs |= {f"mapping.layers.{i}": f"mapping.fc{i}" for i in range(layers)}
    part.take("generator.synthesis.start", "synthesis.b4.const")
    pairs |= _convolution(part, "first", "b4.conv1")
    for level, side in enumerate(sides):
        pairs |= _modulated(f"to_image.{level}", f"b{side}.torgb")
        part.take(f"generator.synthesis.to_image.{level}.conv.weight", f"synthesis.b{side}.torgb.weight")
        part.take(f"generator.synthesis.to_image.{level}.bias", f"synthesis.b{side}.torgb.bias")
        if level:
            pairs |= _convolution(part, f"ups.{level - 1}", f"b{side}.conv0")
            pairs |= _convolution(part, f"convs.{level - 1}", f"b{side}.conv1")
    for ours, theirs in pairs.items():
        for name in ("weight", "bias"):
            part.take(f"generator.{ours}.{name}", f"{theirs}.{name}")


def _modulated(ours: str, theirs: str) -> dict[str, str]:
    return {f"synthesis.{ours}.conv.style": f"synthesis.{theirs}.affine"}


def _convolution(part: Matching, ours: str, theirs: str) -> dict[str, str]:
    names = {"conv.weight": "weight", "bias": "bias", "noise": "noise_const", "noise_strength": "noise_strength"}
    for our, their in names.items():
        part.take(f"generator.synthesis.{ours}.{our}", f"synthesis.{theirs}.{their}", _same)
    return _modulated(ours, theirs)


def _same(x: Tensor) -> Tensor:
    return x.contiguous()
