"""BiCoGAN. Bidirectional Conditional Generative Adversarial Networks. Jaiswal et al., 2017.
https://arxiv.org/abs/1711.07461

BiGAN with a code [z, c] of what is the image's own and what a label says: the encoder finds both, E(x) = [E_z(x),
E_c(x)], and pays γ times the cross-entropy of E_c(x) with the true label (Eq. 4), where γ = min(α e^(ρ t), φ) grows
with the epoch t. So one network says of which class an image is and what else there is to it.

E_c(x) is a softmax and c one-hot, by which alone the discriminator could tell pairs apart: it is shown the likeliest
class as one-hot, and the gradient passes as if it were the softmax (`soft` shows the softmax itself).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from ..errors import UsageError
from ..game import Classification
from ..nets.bigan import DensePairs
from ..nets.joint import JointNetwork
from ..optim import Adam, Optim
from ..precision import full
from ..spec import Batch
from ._bidirectional import Bidirectional


class BiCoGAN(Bidirectional, Classification):
    needs = ("image", "label")

    @dataclass(frozen=True)
    class Options(Bidirectional.Options):
        network: JointNetwork = DensePairs(generator_norms=1)  # the architecture of all three players
        soft: bool = False  # show the discriminator the softmax of the class, which gives real pairs away
        label_weight: float = 5.0  # α, γ at first: factor on the cross-entropy
        label_growth: float = 0.25  # ρ, growth of log γ in an epoch
        label_limit: float = 10.0  # φ, what γ never exceeds
        epoch: int = 469  # rounds of an epoch; MNIST's in batches of 128
        optim: Optim = Adam(lr=1e-4, weight_decay=2.5e-5)  # of encoder and generator
        discriminator_optim: Optim = Adam(lr=4e-4, weight_decay=2.5e-5)  # of the discriminator

        def __post_init__(self) -> None:
            super().__post_init__()
            if min(self.label_weight, self.label_growth, self.label_limit) < 0 or self.epoch < 1:
                raise UsageError(
                    "label_weight, label_growth and label_limit are at least 0 and epoch at least 1, not "
                    f"{self.label_weight}, {self.label_growth}, {self.label_limit} and {self.epoch}"
                )

    options: Options

    @property
    def labels(self) -> tuple[str, ...]:
        return self.data.classes

    def gamma(self) -> float:
        """γ in this epoch."""
        o, epoch = self.options, self.rounds // self.options.epoch
        return min(o.label_weight * math.exp(min(o.label_growth * epoch, 700.0)), o.label_limit)

    def infer(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        z, logits = self.found(batch["image"])
        belief = logits.softmax(1)
        if not self.options.soft:
            belief = belief + (one_hot(logits.argmax(1), len(self.labels)) - belief).detach()  # straight through
        return torch.cat((z, belief), dim=1), {"label": self.gamma() * cross_entropy(logits, batch["label"])}

    def found(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """E_z(x) [N, z_dim], and the logits of E_c(x) [N, K]."""
        z, logits = full(self.encoder(image)).tensor_split([self.options.z_dim], dim=1)
        return z, logits

    @torch.no_grad()
    def encode(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """[E_z(x), E_c(x)], the class as probabilities.  [N, z_dim + K]"""
        z, logits = self.found(image)
        return torch.cat((z, logits.softmax(1)), dim=1)

    @torch.no_grad()
    def classify(self, image: Tensor) -> Tensor:
        """Log-probabilities [N, K] of the classes."""
        return self.found(image)[1].log_softmax(1)
