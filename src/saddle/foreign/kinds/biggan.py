"""BigGAN-PyTorch: the averaged generator of BigGAN, such as G_ema.pth

https://github.com/ajbrock/BigGAN-PyTorch
"""

import re

from torch import Tensor

from ...spec import DataSpec
from ..matching import Adopted, Asked, Matching
from ..reading import Found
from ._norms import by_left, statistics

LICENCE = "MIT (the code and its weights)"
PARTS = ("state_dict",)
CHOICES = ()
BOTTOM = 4  # side of the smallest map
ATTENTION = {"theta": "query", "phi": "key", "g": "value", "o": "out"}


def adopt(found: Found, asked: Asked) -> Adopted:
    """A BigGAN without its discriminator, with a class embedding shared by all layers, or without one."""
    part = Matching(found)
    if "blocks.0.0.conv3.weight" in part.tensors:
        raise part.refuse("it is of BigGAN-deep, whose versions there put class and latent in either order, unsaid")
    classes, shared = part.shape("shared.weight") if "shared.weight" in part.tensors else (0, 0)
    pieces, levels = part.shape("linear.weight")[1], 1 + max(_numbers(part, r"blocks\.(\d+)\.0\.conv1\.weight"))
    if part.shape("linear.weight")[0] != BOTTOM**2 * part.shape("blocks.0.0.conv1.weight")[1]:
        raise part.refuse(f"its smallest map is not {BOTTOM}×{BOTTOM}")
    if not shared:
        classes = part.shape("blocks.0.0.bn1.gain.weight")[0]
    elif part.shape("blocks.0.0.bn1.gain.weight")[1] != shared + pieces:
        raise part.refuse("its latent is not divided among the layers (hier), as ours is where a class embedding is")
    attention = _numbers(part, r"blocks\.(\d+)\.1\.theta\.weight")
    if len(attention) > 1:
        raise part.refuse(f"maps of {len(attention)} sizes attend, and of ours one at most")
    channels, width, *_ = part.shape("output_layer.2.weight")
    _take(part, levels, bool(shared))
    settings = {
        "game.z_dim": pieces * (levels + 1) if shared else pieces,
        "game.network.width": width if levels > 4 else _width(part, levels),
        "game.network.shared": shared,
        "game.network.attention": BOTTOM << (attention[0] + 1) if attention else 0,
        "game.network.spectral": False,
    }
    side = BOTTOM << levels
    data = DataSpec.of((channels, side, side), ("image", "label"), tuple(map(str, range(classes))))
    notes = [
        "The classes have numbers for names, in the order of the training's folders; the file does not say which.",
        "Spectral norm was computed once. Batch norm's ε is 1e-5, the default and that of the published scripts; the "
        "file does not say so. Use it in evaluation mode there (G_eval_mode) to get the same.",
    ]
    return Adopted("biggan", settings, data, [part], ("discriminator",), notes)


def _numbers(part: Matching, pattern: str) -> list[int]:
    """The numbers in names of tensors that match a pattern, in order. SaddleError if the first block has none."""
    part.shape("blocks.0.0.conv1.weight")
    return sorted(int(found[1]) for name in part.tensors if (found := re.fullmatch(pattern, name)))


def _width(part: Matching, levels: int) -> int:
    """ch of a network whose last maps have several times as many channels: 4 up to 32 pixels, 2 of 64."""
    return part.shape("output_layer.2.weight")[1] // (4 if levels <= 3 else 2)


def _take(part: Matching, levels: int, shared: bool) -> None:
    def weight(ours: str, theirs: str, bias: bool = True) -> None:
        part.take(f"generator.{ours}.weight", f"{theirs}.weight", lambda x: by_left(part, f"{theirs}.weight"))
        if bias:
            part.take(f"generator.{ours}.bias", f"{theirs}.bias")

    def norm(ours: str, theirs: str) -> None:
        _statistics(part, f"generator.{ours}.norm", theirs)
        if shared:
            weight(f"{ours}.scale", f"{theirs}.gain", bias=False)
            weight(f"{ours}.shift", f"{theirs}.bias", bias=False)
        else:
            part.take(f"generator.{ours}.scale", f"{theirs}.gain.weight", lambda gain: 1 + gain)
            part.take(f"generator.{ours}.shift", f"{theirs}.bias.weight")

    if shared:
        part.take("generator.embedding.weight", "shared.weight")
    weight("first", "linear")
    for i in range(levels):
        for ours, theirs in {"conv_1": "conv1", "conv_2": "conv2", "shortcut": "conv_sc"}.items():
            weight(f"blocks.{i}.{ours}", f"blocks.{i}.0.{theirs}")
        norm(f"blocks.{i}.norm_1", f"blocks.{i}.0.bn1")
        norm(f"blocks.{i}.norm_2", f"blocks.{i}.0.bn2")
        if f"blocks.{i}.1.gamma" in part.tensors:
            for theirs, ours in ATTENTION.items():
                weight(f"blocks.{i}.attention.{ours}", f"blocks.{i}.1.{theirs}", bias=False)
            part.take(f"generator.blocks.{i}.attention.gamma", f"blocks.{i}.1.gamma", _number)
    _statistics(part, "generator.last.0", "output_layer.0")
    part.take("generator.last.0.weight", "output_layer.0.gain")
    part.take("generator.last.0.bias", "output_layer.0.bias")
    weight("last.2", "output_layer.2")
    part.leave(r".*\.(u|sv)\d+")  # of spectral norm, which is computed
    part.leave(r".*\.num_batches_tracked")


def _statistics(part: Matching, ours: str, theirs: str) -> None:
    """Of a batch norm of one of the three classes that the code has for it. SaddleError for sums of statistics."""
    for mean, variance in (("stored_mean", "stored_var"), ("bn.stored_mean", "bn.stored_var")) + (
        ("bn.running_mean", "bn.running_var"),
    ):
        if f"{theirs}.{mean}" in part.tensors:
            break
    else:
        mean, variance = "stored_mean", "stored_var"
    names = [f"{theirs}.{mean}", f"{theirs}.{variance}"]
    for counter in part.leave(re.escape(theirs) + r"\.bn\.accumulation_counter"):
        if part.tensors[counter].any():
            raise part.refuse("its batch norms hold sums over batches (standing statistics), not means")
    if lacking := [name for name in names if name not in part.tensors]:
        part.missing += lacking
        return
    part.used.update(names)
    statistics(part, ours, *(part.tensors[name] for name in names))


def _number(x: Tensor) -> Tensor:
    return x.reshape(())
