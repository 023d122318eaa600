"""BiGAN. Adversarial Feature Learning. Donahue et al., 2016. https://arxiv.org/abs/1605.09782

An encoder E learns together with the generator G. The discriminator distinguishes pairs (x, E(x)) from pairs (G(z), z),
and the two can only fool it together if E inverts G (Eq. 3, Theorem 2). Both take their step on the loss with the
labels swapped, as in the authors' code. Settings of their permutation-invariant MNIST.

Dumoulin et al., 2016 (ALI, https://arxiv.org/abs/1606.00704) found the same game with an encoder that draws its code,
q(z | x) = N(μ, σ²): `--game.network ALI --game.stochastic true --game.prior normal --game.z_dim 64 --game.optim.lr
1e-4`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..base import rng
from ..base.precision import full
from ..spec import Batch
from ..tasks import Prior
from ._bidirectional import Bidirectional


class BiGAN(Bidirectional):
    in_short = "An encoder learns beside the generator, and learns to invert it."
    group = "encode"

    @dataclass(frozen=True)
    class Options(Bidirectional.Options):
        prior: Prior = "uniform"  # distribution of a number of z: normal, or uniform in [-1, 1]
        stochastic: bool = False  # ALI: let the encoder give a mean and a log σ, and draw the code

    options: Options

    @property
    def encoder_outputs(self) -> int:
        return self.code_dim * (2 if self.options.stochastic else 1)

    def infer(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        encoded = self.encoder(batch["image"])
        if not self.options.stochastic:
            return encoded, {}
        mean, log_std = full(encoded).chunk(2, dim=1)
        return mean + log_std.exp() * rng.randn(*mean.shape, device=mean.device).to(mean), {}

    @torch.no_grad()
    def encode(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """E(x), or the mean of q(z | x).  [N, z_dim]"""
        return full(self.encoder(image))[:, : self.options.z_dim]
