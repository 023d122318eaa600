"""The fully connected networks of BiGAN for MNIST. Donahue et al., 2016, Appendix. https://arxiv.org/abs/1605.09782

Every network has two hidden layers of 1,024 units. At 28×28 with 50 latents 1,909,520 parameters in the generator,
1,906,738 in the encoder and 1,907,713 in the discriminator; BiCoGAN's, with ten classes in the code and batch norm in
the second layer only, 1,917,712, 1,916,988 and 1,917,953. The generator ends in tanh where the papers have a sigmoid,
since images lie in [-1, 1] here.
"""

import math
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor, nn

from ..base.ranges import PositiveInt, between
from ..layers.norm import BatchNorm1d
from ..spec import DataSpec
from .joint import JointDiscriminator, JointNetwork
from .shapes import image_shape


class PairJudge(JointDiscriminator):
    """An MLP on the pixels and the code, side by side."""

    def __init__(self, inputs: int, width: int):
        super().__init__()
        self.layers = nn.Sequential(*_hidden(inputs, width), nn.Linear(width, 1))

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        return self.layers(torch.cat((x.flatten(1), code), dim=1)).flatten()


@dataclass(frozen=True)
class DensePairs(JointNetwork):
    """Two hidden layers in every network, as BiGAN has them for MNIST: no layer knows which pixels are neighbours."""

    width: PositiveInt = 1024  # units of a hidden layer
    generator_norms: Annotated[int, between(1, 2)] = 2
    """of the generator's hidden layers, from the last on, that have batch norm: 1 or 2"""

    def generator(self, inputs: int, data: DataSpec) -> nn.Module:
        shape, width = image_shape("DensePairs", data), self.width
        norm = [BatchNorm1d(width)] if self.generator_norms == 2 else []
        layers = [nn.Linear(inputs, width), *norm, nn.ReLU(), nn.Linear(width, width), BatchNorm1d(width), nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(width, math.prod(shape)), nn.Tanh(), nn.Unflatten(1, shape))

    def encoder(self, outputs: int, data: DataSpec) -> nn.Module:
        pixels = math.prod(image_shape("DensePairs", data))
        return nn.Sequential(nn.Flatten(), *_hidden(pixels, self.width), nn.Linear(self.width, outputs))

    def discriminator(self, inputs: int, data: DataSpec) -> JointDiscriminator:
        return PairJudge(math.prod(image_shape("DensePairs", data)) + inputs, self.width)


def _hidden(inputs: int, width: int) -> list[nn.Module]:
    first, second = nn.Linear(inputs, width), nn.Linear(width, width)
    return [first, nn.LeakyReLU(0.2), second, BatchNorm1d(width), nn.LeakyReLU(0.2)]
