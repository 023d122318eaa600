"""pytorch-CycleGAN-and-pix2pix: a ResNet of CycleGAN, such as latest_net_G_A.pth; --back the other direction's

https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix
"""

from typing import Any

from ...spec import DataSpec
from ...spec.field import Field
from ..matching import Adopted, Asked, Matching
from ..reading import Found
from . import _resnet

LICENCE = "BSD (2-clause) of the code; the authors' weights come with it, without another licence"
PARTS = ("state_dict",)
CHOICES = ("back", "size")
SIZE = 256  # pixels of the authors' training images
SMALLEST_JUDGED = 24  # below it the discriminator, which is absent, could not be


def adopt(found: Found, asked: Asked) -> Adopted:
    """A CycleGAN of one or both directions, without its discriminators."""
    ways = {"a_to_b": Matching(found)} | ({"b_to_a": Matching(asked.back)} if asked.back else {})
    shapes = {}
    for name, part in ways.items():
        shapes[name] = _resnet.take(part, f"{name}.")
        if shapes[name].batch_norm or shapes[name].dropout:
            raise part.refuse("it has batch norm or dropout, as pix2pix has; import it --as pix2pix")
    shape = shapes["a_to_b"]
    if asked.back:
        back = shapes["b_to_a"]
        if (back.inputs, back.outputs, back.blocks, back.width) != (
            shape.outputs,
            shape.inputs,
            shape.blocks,
            shape.width,
        ):
            raise ways["b_to_a"].refuse("it is not the other direction of the first file: its sizes differ")
    side = asked.size or SIZE
    fields = {"a": Field("image", (shape.inputs, side, side)), "b": Field("image", (shape.outputs, side, side))}
    settings: dict[str, Any] = {"game.blocks": shape.blocks, "game.width": shape.width, "game.pool_size": 0}
    if side < SMALLEST_JUDGED:
        settings["game.patch_layers"] = 0
    if shape.inputs != shape.outputs:
        settings["game.identity_weight"] = 0.0
    absent = ("judge_a", "judge_b", *(() if asked.back else ("b_to_a",)))
    data = DataSpec(fields, domains=(("a",), ("b",)))
    notes = ["Edges are mirrored, as in the authors' code; the file does not say so."]
    way = "both directions" if asked.back else "one direction"
    what = f"A translator of images (ResNet, {shape.blocks} blocks), {way}."
    return Adopted("cyclegan", what, settings, data, [*ways.values()], absent, notes)
