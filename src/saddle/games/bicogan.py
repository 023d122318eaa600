"""BiCoGAN. Bidirectional Conditional Generative Adversarial Networks. Jaiswal et al., 2017.
https://arxiv.org/abs/1711.07461

BiGAN with a code [z, c] of what is the image's own and what a label says: the encoder finds both, E(x) = [E_z(x),
E_c(x)], and pays γ times what E_c(x) misses of the true label (Eq. 4). That is the cross-entropy of a class or of
several labels, and the squared distance of numbers in deviations; γ = min(α e^(ρ t), φ) grows with the epoch t. So one
network says what a label would say of an image, and what else there is to it.

E_c(x) is a softmax and c one-hot, by which alone the discriminator could tell pairs apart: it is shown the likeliest
class as one-hot, and the gradient passes as if it were the softmax (`soft` shows the softmax itself). So with labels.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot

from ..base.errors import UsageError
from ..base.precision import full
from ..nets.bigan import DensePairs
from ..nets.conditional import Standardised
from ..nets.joint import JointNetwork
from ..optim import Adam, Optim
from ..spec import Batch, Condition, DataSpec
from ..tasks import Classification
from ._bidirectional import Bidirectional


class BiCoGAN(Bidirectional, Classification):
    in_short = "An encoder finds both the latent and the label of an image."
    group = "encode"
    needs = ("image", "label")
    takes_conditions = ("class", "labels", "numbers")

    @dataclass(frozen=True)
    class Options(Bidirectional.Options):
        network: JointNetwork = DensePairs(generator_norms=1)  # the architecture of all three players
        soft: bool = False  # show the discriminator probabilities of classes or labels, which give real pairs away
        label_weight: float = 5.0  # α, γ at first: factor on what E_c(x) misses of the label
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

    @property
    def condition(self) -> Condition | None:
        return self.data.condition

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        self.condition_scale = Standardised(data)

    def standardised(self, code: Tensor) -> Tensor:
        z, condition = code.tensor_split([self.options.z_dim], dim=1)
        return torch.cat((z, self.condition_scale(condition)), dim=1)

    def gamma(self) -> float:
        """γ in this epoch."""
        o, epoch = self.options, self.rounds // self.options.epoch
        return min(o.label_weight * math.exp(min(o.label_growth * epoch, 700.0)), o.label_limit)

    def infer(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        z, outputs = self.encoded(batch["image"])
        belief = self.belief(outputs)
        if not self.options.soft:
            belief = belief + (self.decided(belief) - belief).detach()  # straight through
        return torch.cat((z, belief), dim=1), {"label": self.gamma() * self.missed(outputs, batch["label"])}

    def encoded(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """E_z(x) [N, z_dim], and what E_c(x) is made of: logits of classes or labels, numbers in deviations [N, K]."""
        z, outputs = full(self.encoder(image)).tensor_split([self.options.z_dim], dim=1)
        return z, outputs

    @property
    def kind(self) -> str:
        return self.data.condition.kind  # type: ignore[union-attr]

    def belief(self, outputs: Tensor) -> Tensor:
        """E_c(x): probabilities, or numbers as the data have them.  [N, K]"""
        if self.kind == "class":
            return outputs.softmax(1)
        return outputs.sigmoid() if self.kind == "labels" else self.condition_scale.restored(outputs)

    def decided(self, belief: Tensor) -> Tensor:
        """As a label has it: one class, or every label 0 or 1.  [N, K]"""
        if self.kind == "class":
            return one_hot(belief.argmax(1), len(self.labels))
        return belief.round() if self.kind == "labels" else belief

    def missed(self, outputs: Tensor, label: Tensor) -> Tensor:
        """What E_c(x) misses of true labels int64 [N] or columns [N, K]: the mean over samples."""
        if self.kind == "class":
            return cross_entropy(outputs, label)
        if self.kind == "labels":
            return binary_cross_entropy_with_logits(outputs, label.to(outputs), reduction="none").sum(1).mean()
        return (outputs - self.condition_scale(label)).square().sum(1).mean()

    @torch.no_grad()
    def encode(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """[E_z(x), E_c(x)], classes and labels as probabilities.  [N, z_dim + K]"""
        z, outputs = self.encoded(image)
        return torch.cat((z, self.belief(outputs)), dim=1)

    @torch.no_grad()
    def classify(self, image: Tensor) -> Tensor:
        """Log-probabilities [N, K] of the classes."""
        return self.encoded(image)[1].log_softmax(1)
