"""BigGAN-PyTorch: the averaged generator of BigGAN, such as G_ema.pth

https://github.com/ajbrock/BigGAN-PyTorch
"""

import re

from ...spec import DataSpec
from ..matching import Adopted, Asked, Matching
from ..reading import Found
from ._norms import by_left, statistics

LICENCE = "MIT (the code and its weights)"
PARTS = ("state_dict",)
CHOICES = ()
BOTTOM = 4  # side of the smallest map
STATISTICS = ("stored", "bn.stored", "bn.running")  # before _mean and _var
ATTENTION = {"theta": "query", "phi": "key", "g": "value", "o": "out"}


def adopt(found: Found, asked: Asked) -> Adopted:
    """A BigGAN without its discriminator, with a class embedding shared by all layers, or without one."""
    part = Matching(found)
    if "blocks.0.0.conv3.weight" in part.tensors:
        raise part.refuse("it is of BigGAN-deep, whose versions there put class and latent in either order, unsaid")
    classes, shared = part.shape("shared.weight", 2) if "shared.weight" in part.tensors else (0, 0)
    first, pieces = part.shape("linear.weight", 2)
    if first != BOTTOM**2 * part.shape("blocks.0.0.conv1.weight", 4)[1]:
        raise part.refuse(f"its smallest map is not {BOTTOM}×{BOTTOM}")
    levels = part.levels(len(part.numbers(r"blocks\.(\d{1,5})\.0\.conv1\.weight$")))
    rows, columns = part.shape("blocks.0.0.bn1.gain.weight", 2)
    if not shared:
        classes = rows
    elif columns != shared + pieces:
        raise part.refuse("its latent is not divided among the layers (hier), as ours is where a class embedding is")
    attention = part.numbers(r"blocks\.(\d{1,5})\.1\.theta\.weight$")
    if len(attention) > 1:
        raise part.refuse(f"maps of {len(attention)} sizes attend, and of ours one at most")
    if attention and attention[0] >= levels:
        raise part.refuse(f"a block attends that is none of its {levels}")
    channels, width, *_ = part.shape("output_layer.2.weight", 4)
    _Taking(part, bool(shared)).all(levels)
    settings = {
        "game.z_dim": pieces * (levels + 1) if shared else pieces,
        "game.network.width": width if levels > 4 else _width(part, levels),
        "game.network.shared": shared,
        "game.network.attention": BOTTOM << (attention[0] + 1) if attention else 0,
        "game.network.spectral_generator": False,
    }
    side = BOTTOM << levels
    data = DataSpec.of((channels, side, side), ("image", "label"), part.classes(classes))
    notes = [
        "The classes have numbers for names, in the order of the training's folders; the file does not say which.",
        "Spectral norm was computed once. Batch norm's ε is 1e-5, the default and that of the published scripts; the "
        "file does not say so. Use it in evaluation mode there (G_eval_mode) to get the same.",
    ]
    return Adopted(
        "biggan", "A generator of images by class (BigGAN).", settings, data, [part], ("discriminator",), notes
    )


def _width(part: Matching, levels: int) -> int:
    """ch of a network whose last maps have several times as many channels: 4 up to 32 pixels, 2 of 64."""
    return part.shape("output_layer.2.weight", 4)[1] // (4 if levels <= 3 else 2)


class _Taking:
    """Moves all tensors. `shared`: has it a class embedding that all layers share?"""

    def __init__(self, part: Matching, shared: bool):
        self.part, self.shared = part, shared

    def all(self, levels: int) -> None:
        part = self.part
        if self.shared:
            part.take("generator.embedding.weight", "shared.weight")
        self.layer("first", "linear")
        for i in range(levels):
            self.block(f"blocks.{i}")
        self.statistics("last.0", "output_layer.0")
        part.take("generator.last.0.weight", "output_layer.0.gain")
        part.take("generator.last.0.bias", "output_layer.0.bias")
        self.layer("last.2", "output_layer.2")
        part.leave(r".*\.(u|sv)\d+")  # of spectral norm, which is computed
        part.leave(r".*\.num_batches_tracked")

    def block(self, name: str) -> None:
        for ours, theirs in {"conv_1": "conv1", "conv_2": "conv2", "shortcut": "conv_sc"}.items():
            self.layer(f"{name}.{ours}", f"{name}.0.{theirs}")
        self.norm(f"{name}.norm_1", f"{name}.0.bn1")
        self.norm(f"{name}.norm_2", f"{name}.0.bn2")
        if f"{name}.1.gamma" in self.part.tensors:
            for theirs, ours in ATTENTION.items():
                self.weight(f"{name}.attention.{ours}", f"{name}.1.{theirs}")
            self.part.take(f"generator.{name}.attention.gamma", f"{name}.1.gamma", lambda x: x.reshape(()))

    def weight(self, ours: str, theirs: str) -> None:
        name = f"{theirs}.weight"
        self.part.take(f"generator.{ours}.weight", name, lambda _: by_left(self.part, name))

    def layer(self, ours: str, theirs: str) -> None:
        """A weight and a bias."""
        self.weight(ours, theirs)
        self.part.take(f"generator.{ours}.bias", f"{theirs}.bias")

    def norm(self, ours: str, theirs: str) -> None:
        """A batch norm with a scale and a shift of the condition."""
        self.statistics(f"{ours}.norm", theirs)
        if self.shared:
            self.weight(f"{ours}.scale", f"{theirs}.gain")
            self.weight(f"{ours}.shift", f"{theirs}.bias")
        else:
            self.part.take(f"generator.{ours}.scale", f"{theirs}.gain.weight", lambda gain: 1 + gain)
            self.part.take(f"generator.{ours}.shift", f"{theirs}.bias.weight")

    def statistics(self, ours: str, theirs: str) -> None:
        """Of a batch norm of one of the three classes that the code has for it. SaddleError for sums of statistics."""
        part = self.part
        pairs = [[f"{theirs}.{place}_{what}" for what in ("mean", "var")] for place in STATISTICS]
        names = next((pair for pair in pairs if pair[0] in part.tensors), pairs[0])
        for counter in part.leave(re.escape(theirs) + r"\.bn\.accumulation_counter"):
            if part.tensors[counter].any():
                raise part.refuse("its batch norms hold sums over batches (standing statistics), not means")
        if lacking := [name for name in names if name not in part.tensors]:
            part.missing += lacking
            return
        part.used.update(names)
        statistics(part, f"generator.{ours}", part.tensors[names[0]], part.tensors[names[1]])
