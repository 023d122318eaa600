"""Minibatch discrimination: a discriminator that sees how alike the samples of a batch are. Salimans et al., 2016.

Section 3.2. https://arxiv.org/abs/1606.03498
"""

from functools import reduce

import torch
from torch import Tensor, nn

from ..base import dist
from ..base.known import known


class MinibatchDiscrimination(nn.Module):
    """Appends to features [N, A] how close the batch's other samples are, [N, A + kernels]:

    o(xᵢ)_b = Σ_{j≠i} exp(-‖Mᵢ_b - Mⱼ_b‖₁) + bias, Mᵢ = fᵢ T. As in the authors' code, a sample is not compared with
    itself, T is normalised with a learned scale, and the first batch sets scale and bias: half the mean distance to the
    nearest other sample is 1, and o is 0 in the mean. The batch is that of all processes; a micro-batch is its own.
    """

    ready: Tensor

    def __init__(self, inputs: int, kernels: int = 100, dims: int = 5):
        super().__init__()
        self.kernels = kernels
        self.theta = nn.Parameter(0.05 * torch.randn(inputs, kernels, dims))  # T before its normalisation
        self.log_scale = nn.Parameter(torch.zeros(kernels, dims))
        self.bias = nn.Parameter(-torch.ones(kernels))
        self.register_buffer("ready", torch.tensor(False))

    def forward(self, features: Tensor) -> Tensor:
        if self.training and not known(self.ready):
            self._fit(features)
        return torch.cat((features, (self._closeness(features) + self.bias).to(features.dtype)), 1)

    def _closeness(self, features: Tensor) -> Tensor:
        distance = self._distance(features)
        own = torch.arange(len(features), device=features.device) + dist.rank() * len(features)
        other = torch.ones_like(distance).scatter(1, own.view(-1, 1, 1).expand(-1, 1, distance.shape[2]), 0.0)
        return (other * (-distance).exp()).sum(1)  # [N, B]

    def _distance(self, features: Tensor) -> Tensor:
        """[N, whole N, B]"""
        norm = self.theta.square().sum(0, keepdim=True).sqrt()
        t = self.theta * self.log_scale.exp() / norm
        m = torch.tensordot(features.to(t.dtype), t, 1)  # [N, B, C]
        own, whole = m.unbind(2), dist.joint_gather(m).unbind(2)  # one dimension at a time: half the time
        return reduce(torch.add, ((a.unsqueeze(1) - b).abs() for a, b in zip(own, whole, strict=True)))

    @torch.no_grad()
    def _fit(self, features: Tensor) -> None:
        distance = dist.gather(self._distance(features))  # [whole N, whole N, B]
        if len(distance) > 1:
            distance.diagonal(dim1=0, dim2=1).fill_(torch.inf)
            nearest = distance.amin(1).mean(0)  # [B]
            self.log_scale.sub_((nearest / 2).clamp_min(1e-6).log().unsqueeze(1))
            self.bias.copy_(-dist.mean(self._closeness(features).mean(0)))
        self.ready.fill_(True)
