"""The networks of InfoGAN for MNIST. Chen et al., 2016, Appendix C. https://arxiv.org/abs/1606.03657

At 28×28: 6,652,481 parameters in the generator, 6,559,169 in trunk and logit, 133,262 in Q. Other sizes take more or
fewer levels. The generator ends in tanh where the paper has a sigmoid, since images lie in [-1, 1] here.
"""

from itertools import pairwise
from typing import NamedTuple

from torch import Tensor, nn

from ..layers.convolution import StridedConv2d, StridedConvTranspose2d
from ..layers.init import small_normal
from ..layers.norm import BatchNorm1d, BatchNorm2d
from ..spec import DataSpec
from .shapes import halvings

LEAK = 0.01  # of the code; the paper's appendix says 0.1


class CodeOutput(NamedTuple):
    """Is x real, and which code made it?"""

    logits: Tensor  # [N]
    category: Tensor  # logits of the categories [N, K]
    mean: Tensor  # of the continuous codes [N, D]
    log_std: Tensor  # of the continuous codes [N, D]


def generator(inputs: int, data: DataSpec, width: int = 64) -> nn.Module:
    """Noise and code, [N, inputs] → images [N, C, H, W] in [-1, 1]."""
    levels, (height, wide) = halvings("InfoGAN", data)
    widths = [width << level for level in reversed(range(levels))]
    layers: list[nn.Module] = [
        *_dense(inputs, 1024, nn.ReLU()),
        *_dense(1024, widths[0] * height * wide, nn.ReLU()),
        nn.Unflatten(1, (widths[0], height, wide)),
    ]
    for before, after in pairwise(widths):
        layers += [StridedConvTranspose2d(before, after, 4, 2, 1), BatchNorm2d(after), nn.ReLU()]
    layers += [StridedConvTranspose2d(widths[-1], data.shape[0], 4, 2, 1), nn.Tanh()]
    return small_normal(nn.Sequential(*layers))


class Discriminator(nn.Module):
    """D and Q on one trunk: images → CodeOutput.  Images are [N, C, H, W]."""

    def __init__(self, data: DataSpec, categories: int, continuous: int, width: int = 64):
        super().__init__()
        levels, (height, wide) = halvings("InfoGAN", data)
        widths = [width << level for level in range(levels)]
        layers: list[nn.Module] = [StridedConv2d(data.shape[0], widths[0], 4, 2, 1), nn.LeakyReLU(LEAK)]
        for before, after in pairwise(widths):
            layers += [StridedConv2d(before, after, 4, 2, 1), BatchNorm2d(after), nn.LeakyReLU(LEAK)]
        layers += [nn.Flatten(), *_dense(widths[-1] * height * wide, 1024, nn.LeakyReLU(LEAK))]
        self.trunk = nn.Sequential(*layers)
        self.logit = nn.Linear(1024, 1)
        self.sizes = [categories, continuous, continuous]
        self.code = nn.Sequential(*_dense(1024, 128, nn.LeakyReLU(LEAK)), nn.Linear(128, sum(self.sizes)))
        small_normal(self)

    def forward(self, x: Tensor) -> CodeOutput:
        h = self.trunk(x)
        return CodeOutput(self.logit(h).flatten(), *self.code(h).split(self.sizes, dim=1))


def _dense(inputs: int, outputs: int, activation: nn.Module) -> list[nn.Module]:
    return [nn.Linear(inputs, outputs), BatchNorm1d(outputs), activation]
