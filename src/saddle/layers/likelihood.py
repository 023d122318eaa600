"""What a decoder's output says of an image: the distribution p(x | z) of the pixels."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from ..base.ranges import PositiveFloat
from ..base.settings import Settings


@dataclass(frozen=True)
class Likelihood(Settings, ABC):
    """Pixels are independent given z: log p(x | z) is a sum over them, not a mean."""

    @abstractmethod
    def log_prob(self, x: Tensor, output: Tensor) -> Tensor:
        """log p(x | z) in nats of images [N, C, H, W] in [-1, 1], from the decoder's output of that shape.  [N]"""

    @abstractmethod
    def mean(self, output: Tensor) -> Tensor:
        """E[x | z], in [-1, 1].  output [N, C, H, W] → same shape"""


@dataclass(frozen=True)
class Bernoulli(Likelihood):
    """Pixels are black or white, a grey one the chance of white: the cross-entropy of (x + 1) / 2."""

    def log_prob(self, x: Tensor, output: Tensor) -> Tensor:
        return -binary_cross_entropy_with_logits(output, (x + 1) / 2, reduction="none").flatten(1).sum(1)

    def mean(self, output: Tensor) -> Tensor:
        return (output / 2).tanh()  # 2 σ(output) - 1


@dataclass(frozen=True)
class Gaussian(Likelihood):
    """Pixels are normal around the decoder's output."""

    std: PositiveFloat = 1.0  # standard deviation of a pixel in [-1, 1]; smaller ones ask for sharper reconstructions

    def log_prob(self, x: Tensor, output: Tensor) -> Tensor:
        squares = ((x - output) / self.std).square() / 2
        return -(squares + math.log(self.std * math.sqrt(2 * math.pi))).flatten(1).sum(1)

    def mean(self, output: Tensor) -> Tensor:
        return output.clamp(-1, 1)
