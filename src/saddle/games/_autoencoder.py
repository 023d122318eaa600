"""The variational autoencoder of Kingma & Welling (2013), with or without labels."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..base import rng
from ..base.errors import UsageError
from ..base.formulas import written
from ..base.precision import full
from ..base.ranges import PositiveInt
from ..layers.likelihood import Bernoulli, Likelihood
from ..nets import vae
from ..optim import Adam, Optim
from ..spec import Batch, DataSpec
from ..tasks import Density, Encoding, Move, Traversal


class VariationalAutoencoder(Traversal, Encoding, Density):
    """An encoder q(z | x) and a generator p(x | z) that raise the ELBO together. No player works against another."""

    averaged = ("encoder", "generator")

    @dataclass(frozen=True)
    class Options(Traversal.Options):
        z_dim: int = 20  # numbers in a code
        width: PositiveInt = 500  # units of the hidden layer of each player
        likelihood: Likelihood = Bernoulli()  # of the pixels, given the code
        optim: Optim = Adam(lr=1e-3, betas=(0.9, 0.999))  # of both players

        @property
        def found(self) -> bool:
            return True

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.prior != "normal":
                raise UsageError(f"the ELBO holds codes to a normal distribution; leave prior normal, not {self.prior}")

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        o, spec = self.options, data if self.labels else data.unconditional()
        self.encoder = vae.Encoder(o.z_dim, spec, o.width)
        self.generator = vae.Decoder(o.z_dim, spec, o.width)

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        batch = next(batches)
        x, label = batch["image"], self.label_of(batch)
        mean, log_var = self.posterior(x, label)
        z, _ = reparametrise(mean, log_var)
        reconstruction = -self.log_prob(x, z, label).mean()
        kl = divergence(mean, log_var).mean()
        self.note(elbo=-reconstruction - kl)
        yield Move("encoder", "generator", reconstruction=reconstruction, kl=kl)

    letters: ClassVar[dict[str, str]] = {
        "p": "the distribution of pixels that the generator gives",
        "KL": "Kullback and Leibler's divergence",
        "q(z | x)": "the normal distribution of codes that the encoder gives",
    }

    def formulas(self, player: str) -> dict[str, str]:
        told, pixels = ", y" if self.labels else "", written(self.options.likelihood)
        return {
            "reconstruction": f"-log p(x | z{told}), z drawn from q(z | x{told}), pixels {pixels}",
            "kl": f"KL(q(z | x{told}) ‖ N(0, 1))",
        }

    def label_of(self, batch: Batch) -> Tensor | None:
        """The labels [N, …] of a batch, for a game that takes them."""
        return batch["label"] if self.labels else None

    def posterior(self, x: Tensor, label: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Mean and log σ² of q(z | x), [N, z_dim] each, of x [N, C, H, W]."""
        mean, log_var = self.encoder(x) if label is None else self.encoder(x, label)
        return full(mean), full(log_var)

    def log_prob(self, x: Tensor, z: Tensor, label: Tensor | None = None) -> Tensor:
        """log p(x | z) in nats.  x [N, C, H, W], z [N, z_dim], labels [N, …] → [N]"""
        return self.options.likelihood.log_prob(x, full(self.output(z, label)))

    def output(self, z: Tensor, label: Tensor | None) -> Tensor:
        """The decoder's output [N, C, H, W] for z [N, z_dim] and labels [N, …], if any."""
        return self.generator(z) if label is None else self.generator(z, label)

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The expected images of codes [N, z_dim] (and labels int64 [N]): [N, C, H, W] in [-1, 1]."""
        label = self.draw_label(z.shape[0]) if label is None else label
        return self.options.likelihood.mean(full(self.output(z, label)))

    @torch.no_grad()
    def encode(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """The mean of q(z | x).  [N, z_dim]"""
        return self.posterior(image, label)[0]

    @torch.no_grad()
    def bound(self, batch: Batch, draws: int = 1) -> Tensor:
        """log p(x) in nats is at least this, on average; the more draws, the closer (Burda et al., 2015, Eq. 8).  [N]

        One draw estimates the ELBO. https://arxiv.org/abs/1509.00519
        """
        x, label = batch["image"], self.label_of(batch)
        mean, log_var = self.posterior(x, label)
        weights = []
        for _ in range(draws):
            z, noise = reparametrise(mean, log_var)
            prior_to_posterior = (noise.square() + log_var - z.square()).sum(1) / 2  # log p(z) - log q(z | x)
            weights.append(self.log_prob(x, z, label) + prior_to_posterior)
        return torch.stack(weights).logsumexp(0) - math.log(draws)


def reparametrise(mean: Tensor, log_var: Tensor) -> tuple[Tensor, Tensor]:
    """z = μ + σ ε, through which gradients reach the encoder (Section 2.4), and ε.  [N, z_dim] each."""
    noise = rng.randn(*mean.shape, device=mean.device).to(mean)
    return mean + (log_var / 2).exp() * noise, noise


def divergence(mean: Tensor, log_var: Tensor) -> Tensor:
    """KL(N(μ, σ²) ‖ N(0, 1)), summed over the dimensions (Appendix B).  [N]  mean [N, z_dim], log_var [N, z_dim]"""
    return -(1 + log_var - mean.square() - log_var.exp()).sum(1) / 2
