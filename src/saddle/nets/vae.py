"""The multilayer perceptrons of the variational autoencoder. Kingma & Welling, 2013, Appendix C.

https://arxiv.org/abs/1312.6114. One hidden layer of tanh in the encoder and one in the decoder: with 500 units and 20
latents 412,540 and 403,284 parameters at 28×28, with 400 units 652,824 in both. A label joins the input of both as a
one-hot vector (Sohn et al., 2015).
"""

import math

import torch
from torch import Tensor, nn

from ..layers.conditional import shares
from ..spec import DataSpec


class Encoder(nn.Module):
    """Images (and labels int64 [N], where the data have classes) → mean and log σ² of q(z | x), [N, z_dim] each.

    Images [N, C, H, W] (and labels [N, …]) → both [N, z_dim].
    """

    def __init__(self, z_dim: int, data: DataSpec, width: int = 500):
        super().__init__()
        self.classes = len(data.classes)
        self.hidden = nn.Linear(math.prod(data.shape) + self.classes, width)
        self.mean, self.log_var = nn.Linear(width, z_dim), nn.Linear(width, z_dim)

    def forward(self, x: Tensor, label: Tensor | None = None) -> tuple[Tensor, Tensor]:
        h = self.hidden(_joined(x.flatten(1), label, self.classes)).tanh()
        return self.mean(h), self.log_var(h)


class Decoder(nn.Module):
    """Latents [N, z_dim] (and labels [N, …]) → [N, C, H, W], the parameters of the likelihood of an image."""

    def __init__(self, z_dim: int, data: DataSpec, width: int = 500):
        super().__init__()
        self.classes, self.shape = len(data.classes), data.shape
        self.hidden = nn.Linear(z_dim + self.classes, width)
        self.out = nn.Linear(width, math.prod(data.shape))

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return self.out(self.hidden(_joined(z, label, self.classes)).tanh()).unflatten(1, self.shape)


def _joined(x: Tensor, label: Tensor | None, classes: int) -> Tensor:
    return x if label is None else torch.cat((x, shares(label, classes).to(x)), dim=1)
