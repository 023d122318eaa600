"""Which memory layout suits the layers of a network."""

from torch import nn


def likes_channels_last(network: nn.Module) -> bool:
    """Not with instance norm: torch computes it in NCHW alone, so that every such layer would copy the images twice."""
    return not any(isinstance(module, nn.modules.instancenorm._InstanceNorm) for module in network.modules())
