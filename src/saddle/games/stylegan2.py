"""StyleGAN2. Analyzing and Improving the Image Quality of StyleGAN. Karras et al., 2020. https://arxiv.org/abs/1912.04958

A mapping network turns z into a style w, which scales the weights of every convolution (Section 2.2); noise adds what
is left to chance. R1 and a penalty on how unevenly w moves the image (path length, Eq. 4) are lazy: they are paid in
every 16th and 4th round. Truncation draws styles towards their mean.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..nets import stylegan2
from ..nets.network import Network
from ..optim import Adam, Optim
from ..penalties import R1, Penalty
from ..errors import UsageError
from ..spec import DataSpec
from ._two_player import TwoPlayer


class StyleGAN2(TwoPlayer):
    takes_points = False

    @dataclass(frozen=True)
    class Options(TwoPlayer.Options):
        z_dim: int = 512  # length of the latent z
        network: Network = stylegan2.StyleGAN2()  # the architecture of both players
        # The paper takes a further step for every lazy penalty, and shortens all by i / (i + 1) to make good for it. Here
        # a lazy penalty is part of the round's own step, so there are no further steps, and lr and betas stay.
        penalties: tuple[Penalty, ...] = (R1(weight=10.0, every=16), stylegan2.PathLength())  # γ, and its own
        optim: Optim = Adam(lr=2e-3, betas=(0.0, 0.99))  # of both players

    options: Options
    generator: stylegan2.Generator

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        if not isinstance(self.generator, stylegan2.Generator):
            raise UsageError(f"StyleGAN2 wants a network with styles, not {type(self.options.network).__name__}")

    @torch.no_grad()
    def sample(self, n: int, label: Tensor | None = None, truncation: float | None = None) -> Tensor:
        """n new samples, [n, C, H, W], of labels int64 [n] if given; truncation ψ below 1 gives up variety for looks."""
        label = self.draw_label(n) if label is None else label
        z = self.noise(n, label)
        return self.generator.synthesis(self.generator.styles(z, label, 1.0 if truncation is None else truncation))
