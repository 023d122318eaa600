"""BigGAN. Large Scale GAN Training for High Fidelity Natural Image Synthesis. Brock et al., 2019. https://arxiv.org/abs/1809.11096

SAGAN at scale: wide networks, large batches, two steps of the discriminator. The batch norm of each layer gets the
class embedding and its own piece of z (Appendix B), and a penalty keeps the generator's filters orthogonal (Eq. 3).
When sampling, a z without large values gives more fidelity and less variety (Section 3.1): `saddle sample RUN
--truncation 0.5`.
"""

from dataclasses import dataclass

from ..nets import biggan
from ..nets.network import Network
from ._truncated import Truncated


class BigGAN(Truncated):
    in_short = "SAGAN becomes wider and learns from larger batches; truncation raises fidelity."
    group = "ask"

    @dataclass(frozen=True)
    class Options(Truncated.Options):
        z_dim: int = 120  # numbers in a latent, a multiple of the generator's pieces
        network: Network = biggan.BigGAN()  # the architecture of both players

    options: Options
