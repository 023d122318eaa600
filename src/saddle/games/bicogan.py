"""BiCoGAN. Bidirectional Conditional Generative Adversarial Networks. Jaiswal et al., 2017.
https://arxiv.org/abs/1711.07461

BiGAN with a code [z, c]: z is what is the image's own, c is what a label says. The encoder infers both, E(x) = [E_z(x),
E_c(x)], and its loss has γ times the error of E_c(x) for the true label (Eq. 4). That error is the cross-entropy of a
class or of several labels, or the squared distance of numbers, in standard deviations. γ = min(α e^(ρ t), φ) grows with
the epoch t. So one network predicts the label of an image, and encodes what else it shows.

E_c(x) is a softmax and c is one-hot: by this alone the discriminator could distinguish the pairs. So it is shown the
likeliest class as one-hot, and the gradient passes as if it were the softmax (`soft` shows the softmax itself). The
same is done with labels.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot

from ..base.precision import full
from ..base.ranges import NonNegativeFloat, PositiveInt, Weight
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
        soft: bool = False  # show the discriminator probabilities of classes or labels, which reveal real pairs
        label_weight: Weight = 5.0  # α, γ at first: factor on what E_c(x) misses of the label
        label_growth: NonNegativeFloat = 0.25  # ρ, growth of log γ in an epoch
        label_limit: NonNegativeFloat = 10.0  # φ, what γ never exceeds
        epoch: PositiveInt = 469  # rounds of an epoch; MNIST's in batches of 128
        optim: Optim = Adam(lr=1e-4, weight_decay=2.5e-5)  # of encoder and generator
        discriminator_optim: Optim = Adam(lr=4e-4, weight_decay=2.5e-5)  # of the discriminator

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

    def formulas(self, player: str) -> dict[str, str]:
        o = self.options
        missed = "γ · |E_c(x) - c|², in deviations" if self.kind == "numbers" else "-γ · log p(c | x), p = E_c(x)"
        gamma = (
            f"γ = min({o.label_weight:g} e^({o.label_growth:g} t), {o.label_limit:g}) in epoch t of {o.epoch:,} rounds"
        )
        label = {"label": f"{missed}; {gamma}"} if player == "encoder" else {}
        return super().formulas(player) | label

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
        """E_c(x) of outputs [N, K]: probabilities, or numbers in the units of the data.  [N, K]"""
        if self.kind == "class":
            return outputs.softmax(1)
        return outputs.sigmoid() if self.kind == "labels" else self.condition_scale.restored(outputs)

    def decided(self, belief: Tensor) -> Tensor:
        """The belief [N, K] as a label, [N, K]: one class, or every label 0 or 1."""
        if self.kind == "class":
            return one_hot(belief.argmax(1), len(self.labels))
        return belief.round() if self.kind == "labels" else belief

    def missed(self, outputs: Tensor, label: Tensor) -> Tensor:
        """The mean error [] of E_c(x), outputs [N, K], for true labels int64 [N] or columns [N, K]."""
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
