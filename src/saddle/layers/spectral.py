"""Spectral normalisation. Miyato et al., 2018, Section 2.1, Algorithm 1. https://arxiv.org/abs/1802.05957"""

from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.utils.parametrize import register_parametrization

from ..base.errors import UsageError

Net = TypeVar("Net", bound=nn.Module)
_WRAPPED = (nn.Linear, nn.modules.conv._ConvNd, nn.Embedding)


class SpectralNorm(nn.Module):
    """W → K W / σ(W), σ = uᵀ W v the largest singular value, followed by one power iteration a step (Algorithm 1).

    K, `lipschitz`, is 1 in the paper: what of a linear layer's input is far apart by 1 comes K apart at most. W is a
    matrix of `axis`, the outputs, by all the rest. u is a buffer, and constant to the gradient. The iteration
    takes place when the weights have changed and the network is in training: real and fake, micro-batches and
    penalties of one step meet the same function, and a resumed run iterates when the whole run would. Whether they
    have changed is read from their sum, and chosen without waiting for the device.

    Weight, any shape → same shape
    """

    u: Tensor
    seen: Tensor

    def __init__(self, weight: Tensor, axis: int = 0, lipschitz: float = 1.0):
        super().__init__()
        self.axis, self.lipschitz = axis, lipschitz
        self.register_buffer("u", normalize(weight.new_empty(weight.shape[axis]).normal_(), dim=0))
        self.register_buffer("seen", weight.new_zeros(()))  # the sum of the last weights

    def forward(self, weight: Tensor) -> Tensor:
        with torch.autocast(weight.device.type, enabled=False):  # in bf16 the iteration would not converge
            normed = weight / self.sigma(weight)
            return normed if self.lipschitz == 1 else self.lipschitz * normed

    def sigma(self, weight: Tensor) -> Tensor:
        """The largest singular value, as far as the iterations have come.  []  weight of any shape"""
        matrix = weight.transpose(0, self.axis).flatten(1)
        with torch.no_grad():
            u = self._followed(matrix) if self.training else normalize(self.u, dim=0)  # averaged ones are shorter
        return torch.linalg.vector_norm(matrix.mT @ u)  # uᵀ W v for v along Wᵀ u, with the same gradient u vᵀ

    def _followed(self, matrix: Tensor) -> Tensor:
        """u for these weights, which is remembered.  [outputs]"""
        total = matrix.sum()
        u = torch.where(total == self.seen, self.u, normalize(matrix @ (matrix.mT @ self.u), dim=0, eps=1e-30))
        self.u.copy_(u)
        self.seen.copy_(total)
        return u


def before_norm(layer: Any) -> Tensor:
    """A layer's weight, or if it is spectrally normalised the parameter that it is computed from.

    The shape is that of the weight: it has the same shape.
    """
    parts = getattr(layer, "parametrizations", {})
    if "weight" in parts and isinstance(parts["weight"][0], SpectralNorm):
        return parts["weight"].original
    return layer.weight


def spectral_norm(network: Net, lipschitz: float = 1.0) -> Net:
    """`network`, itself one layer or many, with every linear, convolution and embedding weight scaled to σ = K.

    K is `lipschitz`. Initialise first: afterwards `layer.weight` is computed, and writing into it changes nothing.
    UsageError unless K is greater than 0.
    """
    if not lipschitz > 0:
        raise UsageError(f"lipschitz, the K of spectral norm, is greater than 0, not {lipschitz}")
    layers: list[Any] = [layer for layer in network.modules() if isinstance(layer, _WRAPPED)]
    for layer in layers:
        outputs = 1 if isinstance(layer, nn.modules.conv._ConvTransposeNd) else 0
        register_parametrization(layer, "weight", SpectralNorm(layer.weight, outputs, lipschitz), unsafe=True)
    return network
