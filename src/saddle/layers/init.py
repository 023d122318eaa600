"""Initial weights that several networks share."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

import torch
from torch import nn

from .norm import BatchOfOneNorm2d

M = TypeVar("M", bound=nn.Module)

_replaced: ContextVar[bool] = ContextVar("replaced", default=False)
_LINEAR = (nn.Linear, nn.modules.conv._ConvNd)  # transposed convolutions too


def dense(inputs: int, outputs: int, bias: bool = True) -> nn.Linear:
    """nn.Linear, also of no inputs at all: then it is its bias, a constant that begins as normal numbers."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Initializing zero-element tensors")
        layer = nn.Linear(inputs, outputs, bias)
    if bias and not inputs:
        nn.init.normal_(layer.bias)
    return layer


def small_normal(network: M, std: float = 0.02, biases: bool = True) -> M:
    """Weights N(0, std), batch norm's scales N(1, std), biases 0: DCGAN's start, kept by many since.

    Without `biases`, these stay as they are.
    """
    for module in network.modules():
        if isinstance(module, _LINEAR):
            nn.init.normal_(module.weight, 0.0, std)
        elif isinstance(module, nn.modules.batchnorm._BatchNorm | BatchOfOneNorm2d) and module.affine:
            nn.init.normal_(module.weight, 1.0, std)
        else:
            continue
        if module.bias is not None and biases:
            nn.init.zeros_(module.bias)
    return network


def small_xavier(network: M, gain: float = 0.02) -> M:
    """Weights of Xavier's deviation times `gain`, biases 0: SPADE's start. Glorot & Bengio, 2010."""
    for module in network.modules():
        if isinstance(module, _LINEAR):
            nn.init.xavier_normal_(module.weight, gain)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network


def as_loud(network: M, inputs: int = 1024, std: float = 0.02) -> M:
    """Linear layers whose outputs for few inputs are as large as those of small_normal's for `inputs`."""
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0.0, std * (inputs / module.in_features) ** 0.5)
    return network


def xavier(network: M, gain: float = 1.0, bias: float = 0.0) -> M:
    """Uniform weights whose variance is gain² · 2 / (inputs + outputs), and one bias for all. Glorot & Bengio, 2010."""
    for module in network.modules():
        if isinstance(module, _LINEAR):
            nn.init.xavier_uniform_(module.weight, gain)
            if module.bias is not None:
                nn.init.constant_(module.bias, bias)
    return network


@contextmanager
def replaced() -> Iterator[None]:
    """Inside, `orthogonal`, which takes minutes for large networks, does nothing: a file's weights come next."""
    token = _replaced.set(True)
    try:
        yield
    finally:
        _replaced.reset(token)


def orthogonal(network: M) -> M:
    """Orthogonal weights, embeddings too, and biases 0: BigGAN's start. Saxe et al., 2014."""
    if _replaced.get():
        return network
    for module in network.modules():
        if isinstance(module, (*_LINEAR, nn.Embedding)):
            nn.init.orthogonal_(module.weight)
            if getattr(module, "bias", None) is not None and module.weight.numel():  # else it is all there is
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
    return network


@torch.no_grad()
def as_nearest(convolution: nn.Conv2d, factor: int) -> nn.Conv2d:
    """A convolution before a pixel shuffle that begins by copying: the factor × factor pixels of a place are the same.

    ICNR: without it they differ, and a chessboard shows. Aitken et al., 2017. https://arxiv.org/abs/1707.02937
    """
    for values in (convolution.weight, convolution.bias):
        if values is not None:
            values.copy_(values[:: factor**2].repeat_interleave(factor**2, 0))
    return convolution
