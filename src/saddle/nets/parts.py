"""Layers that several networks offer as a setting."""

import math
from typing import Literal

from torch import nn

from ..layers.discrimination import MinibatchDiscrimination
from ..layers.minibatch import MinibatchStd
from ..layers.norm import BatchNorm1d, BatchNorm2d, BatchOfOneNorm2d
from ..layers.virtual import Virtual, VirtualBatchNorm

Norm = Literal["batch", "virtual", "none"]
Minibatch = Literal["none", "stddev", "discrimination"]
MapNorm = Literal["batch-of-one", "instance"]


def norms(kind: Norm, channels: int, images: bool = True) -> list[nn.Module]:
    """The normalisation of maps or, if not `images`, of units."""
    if kind == "none":
        return []
    if kind == "virtual":
        return [VirtualBatchNorm(channels)]
    return [BatchNorm2d(channels) if images else BatchNorm1d(channels)]


def map_norm(kind: MapNorm, channels: int) -> nn.Module:
    """Batch norm of one image, which has weights, or instance norm without: each image by its own statistics.

    A convolution before the first has no bias, one before the second has, as in the code of pix2pix and CycleGAN.
    """
    return BatchOfOneNorm2d(channels) if kind == "batch-of-one" else nn.InstanceNorm2d(channels)


def with_reference(kind: Norm, layers: nn.Sequential, shape: tuple[int, ...]) -> nn.Module:
    """The layers, on inputs of this shape, with the reference batch that virtual batch norm needs."""
    return Virtual(layers, shape) if kind == "virtual" else layers


def comparison(kind: Minibatch, shape: tuple[int, ...]) -> tuple[list[nn.Module], tuple[int, ...]]:
    """Layers that add to features of this shape what they have in common with the rest of the batch; the new shape."""
    if kind == "discrimination":
        units = math.prod(shape)
        layer = MinibatchDiscrimination(units)
        return [nn.Flatten(), layer], (units + layer.kernels,)
    if kind == "stddev":
        layers: list[nn.Module] = [MinibatchStd()]
        if len(shape) == 1:
            layers = [nn.Unflatten(1, (*shape, 1, 1)), *layers, nn.Flatten()]
        return layers, (shape[0] + 1, *shape[1:])
    return [], shape
