"""The names of the ResNet of pytorch-CycleGAN-and-pix2pix. Its layers stand in the order of ours."""

import re
from typing import NamedTuple

from ..matching import Matching

MOST_BLOCKS = 100
FIRST_BLOCK = 10  # layers before it: an edge and three times convolution, norm, ReLU


class ResNet(NamedTuple):
    """What the names and the shapes tell."""

    inputs: int  # channels of an image
    outputs: int  # channels of a translation
    width: int  # channels of the largest maps
    blocks: int
    batch_norm: bool
    dropout: bool


def take(part: Matching, prefix: str) -> ResNet:
    """All of its tensors, under our names after a prefix. SaddleError for what is no such ResNet, or another one."""
    width, inputs, *_ = part.shape("model.1.weight", 4)
    inside = {name for name in part.tensors if ".conv_block." in name}
    if any(".conv_block.0." in name for name in inside):
        raise part.refuse("its blocks pad with zeros, and ours mirror the edges")
    blocks = len({name.split(".")[1] for name in inside})
    if blocks > MOST_BLOCKS:
        raise part.refuse(f"it has {blocks:,} blocks, and at most {MOST_BLOCKS} are possible")
    dropout = any(".conv_block.6.weight" in name and part.tensors[name].ndim == 4 for name in inside)
    batch_norm = "model.2.weight" in part.tensors
    last = FIRST_BLOCK + blocks + 7  # twice transposed convolution, norm, ReLU, then an edge
    outputs, *_ = part.shape(f"model.{last}.weight", 4)
    part.leave(r".*\.(running_mean|running_var|num_batches_tracked)")  # each image has its own statistics
    for name in sorted(part.tensors.keys() - part.used):
        if re.fullmatch(r"model\.\d+(\.conv_block\.\d+)?\.(weight|bias)", name):
            part.take(prefix + name.removeprefix("model.").replace("conv_block", "body"), name)
    return ResNet(inputs, outputs, width, blocks, batch_norm, dropout)
