"""Weight normalisation with an initialisation from data. Salimans & Kingma, 2016. https://arxiv.org/abs/1602.07868"""

import torch
from torch import Tensor, nn

from ..base import dist
from ..base.known import known


class WeightNorm(nn.Module):
    """`layer` with weights g v / ‖v‖ for every output channel, and a bias of its own.

    The first batch sets g and the bias, so that the outputs have mean 0 and standard deviation `std`; g learns only if
    asked to. As the layer is linear, it is its output that is scaled.

    Takes [N, C, …] and gives [N, C', …], as `layer` does.
    """

    bias: nn.Parameter
    scale: Tensor
    ready: Tensor

    def __init__(self, layer: nn.Linear | nn.Conv2d | nn.ConvTranspose2d, learn_scale: bool = False, std: float = 1.0):
        super().__init__()
        if layer.bias is not None:
            raise ValueError("weight norm has its own bias: give it a layer without one")
        self.layer, self.std = layer, std
        self.axis = 1 if isinstance(layer, nn.ConvTranspose2d) else 0  # of the output channels
        channels = layer.weight.shape[self.axis]
        self.bias = nn.Parameter(torch.zeros(channels))
        scale = torch.ones(channels)
        if learn_scale:
            self.scale = nn.Parameter(scale)
        else:
            self.register_buffer("scale", scale)
        self.register_buffer("ready", torch.tensor(False))

    def forward(self, x: Tensor) -> Tensor:
        v = self.layer.weight
        out = self.layer(x)
        shape = [1, -1] + [1] * (out.ndim - 2)
        norm = v.square().sum([axis for axis in range(v.ndim) if axis != self.axis]).sqrt()
        if self.training and not known(self.ready):
            self._fit(out.detach() / norm.detach().view(shape))
        return out * (self.scale / norm).to(out.dtype).view(shape) + self.bias.to(out.dtype).view(shape)

    @torch.no_grad()
    def _fit(self, out: Tensor) -> None:
        axes = [axis for axis in range(out.ndim) if axis != 1]
        out = out.to(self.bias.dtype)
        mean = dist.mean(out.mean(axes))
        square = dist.mean(out.square().mean(axes)) - mean.square()
        scale = self.std / square.clamp_min(1e-8).sqrt()
        self.scale.copy_(scale)
        self.bias.copy_(-mean * scale)
        self.ready.fill_(True)
