"""CVAE. Learning Structured Output Representation using Deep Conditional Generative Models. Sohn et al., 2015.
https://papers.nips.cc/paper/5775

A variational autoencoder (https://arxiv.org/abs/1312.6114) that is given a class c: encoder q(z | x, c), decoder p(x |
z, c). The code holds what the class leaves open, and the ELBO bounds log p(x | c) (Eq. 4). The prior of the code is
standard normal whatever the class; Section 4 allows this as a relaxation.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..base.errors import UsageError
from ..layers.conditional import shares
from ._autoencoder import VariationalAutoencoder


class CVAE(VariationalAutoencoder):
    in_short = "A VAE gets the class as input, so its codes hold what the class does not say."
    group = "encode"
    needs = ("image", "label")

    @dataclass(frozen=True)
    class Options(VariationalAutoencoder.Options):
        pass

    options: Options

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes, any of which a sample can be asked to be."""
        return self.data.classes

    def embed(self, label: Tensor) -> Tensor:
        return shares(label, len(self.labels)).to(self.dtype)

    @property
    def encodes_with_label(self) -> bool:
        return True

    @torch.no_grad()
    def encode(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """The mean of q(z | x, c), [N, z_dim], for labels int64 [N]. UsageError without them."""
        if label is None:
            raise UsageError(f"cvae encodes an image of a class; say which with --label: {', '.join(self.labels)}")
        return super().encode(image, label)
