"""VAE. Auto-Encoding Variational Bayes. Kingma and Welling, 2013. https://arxiv.org/abs/1312.6114

Not a game, but what games are compared with. An encoder q(z | x) and a decoder p(x | z) together raise a bound of the
likelihood, ELBO = E log p(x | z) - KL(q(z | x) ‖ p(z)) (Eq. 3, 10). z = μ + σ ε lets the gradient pass the sampling
(Section 2.4). The networks are the paper's; its optimizer was Adagrad, which Adam has replaced since.
"""

from dataclasses import dataclass

from ._autoencoder import VariationalAutoencoder


class VAE(VariationalAutoencoder):
    in_short = "An encoder and a decoder raise a bound of the likelihood; it is not a GAN."
    group = "encode"

    @dataclass(frozen=True)
    class Options(VariationalAutoencoder.Options):
        pass

    options: Options
