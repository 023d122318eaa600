"""The multilayer perceptrons of the adversarial autoencoder. Makhzani et al., 2015, Appendix A.

https://arxiv.org/abs/1511.05644. Two hidden layers of 1,000 ReLU units everywhere: at 28×28 with 8 latents 1,794,008
parameters in the encoder, 1,794,784 in the decoder and 1,011,001 in the discriminator. The decoder ends in tanh where
the paper has a sigmoid, since images lie in [-1, 1] here.
"""

import math

from torch import Tensor, nn

from ..spec import DataSpec


def encoder(outputs: int, data: DataSpec, width: int = 1000) -> nn.Module:
    """Images → numbers [N, outputs]."""
    return nn.Sequential(nn.Flatten(), *_layers(math.prod(data.shape), width, outputs))


def decoder(inputs: int, data: DataSpec, width: int = 1000) -> nn.Module:
    """Codes [N, inputs] → images [N, C, H, W] in [-1, 1]."""
    return nn.Sequential(*_layers(inputs, width, math.prod(data.shape)), nn.Tanh(), nn.Unflatten(1, data.shape))


class CodeJudges(nn.Module):
    """Is z drawn from its prior? And where there are classes, a second one: is c a class?"""

    def __init__(self, z_dim: int, classes: int = 0, width: int = 1000):
        super().__init__()
        self.style = nn.Sequential(*_layers(z_dim, width, 1))
        if classes:
            self.classes = nn.Sequential(*_layers(classes, width, 1))

    def forward(self, z: Tensor) -> Tensor:
        """Latents [N, z_dim] → logits [N]"""
        return self.style(z).flatten()

    def score_class(self, belief: Tensor) -> Tensor:
        """Points of the simplex [N, K] → logits [N]"""
        return self.classes(belief).flatten()


def _layers(inputs: int, width: int, outputs: int) -> list[nn.Module]:
    first, second, last = nn.Linear(inputs, width), nn.Linear(width, width), nn.Linear(width, outputs)
    return [first, nn.ReLU(), second, nn.ReLU(), last]
