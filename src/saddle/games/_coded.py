"""Games whose latent is a code that an encoder finds, and may end in a class."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from .. import rng
from ..game import Encoding, Sweep, Traversal

Prior = Literal["normal", "uniform"]


class Coded(Traversal, Encoding):
    """A latent is [z, c], c a class as a one-hot vector or as an encoder believes it; without classes it is z."""

    averaged = ("encoder", "generator")

    @dataclass(frozen=True)
    class Options(Traversal.Options):
        prior: Prior = "normal"  # law of a number of z: normal, or uniform in [-1, 1]

    options: Options

    @property
    def code_dim(self) -> int:
        """Numbers in a latent."""
        return self.options.z_dim + len(self.labels)

    def prior(self, n: int) -> Tensor:
        """z as it is drawn.  [n, z_dim]"""
        shape = n, self.options.z_dim
        z = rng.randn(*shape, device=self.device) if self.options.prior == "normal" else self.uniform(*shape)
        return z.to(self.dtype)

    def uniform(self, *shape: int) -> Tensor:
        """Numbers in [-1, 1]."""
        return rng.rand(*shape, device=self.device) * 2 - 1

    def noise(self, n: int, label: Tensor | None = None) -> Tensor:
        """z and, where there are classes, the class: that of labels int64 [n], else one drawn.  [n, code_dim]"""
        return self.with_class(self.prior(n), self.draw_label(n) if label is None else label)

    def with_class(self, z: Tensor, label: Tensor | None) -> Tensor:
        """[z, c], of labels int64 [N]; z alone without them."""
        return z if label is None else torch.cat((z, one_hot(label, len(self.labels)).to(z)), dim=1)

    def sweeps(self, steps: int, reach: float | None = None) -> dict[str, Sweep]:
        return super().sweeps(steps, 1.0 if reach is None and self.options.prior == "uniform" else reach)

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The images of latents [N, code_dim], [N, C, H, W] in [-1, 1]. Labels int64 [N] replace their classes."""
        code = z if label is None else self.with_class(z[:, : self.options.z_dim], label)
        return super().decode(code)
