"""BigGAN-deep. Large Scale GAN Training for High Fidelity Natural Image Synthesis. Brock et al., 2019. https://arxiv.org/abs/1809.11096

BigGAN with twice the blocks, each a bottleneck of four convolutions whose shortcut keeps channels as they are, and
with all of z in every layer (Appendix B, Figure 16): better scores from fewer parameters.
"""

from dataclasses import dataclass

from ..nets.biggan_deep import BigGANDeep as Networks
from ..nets.network import Network
from ._truncated import Truncated


class BigGANDeep(Truncated):
    in_short = "It has twice the blocks of BigGAN, and yet fewer parameters."
    group = "ask"

    @dataclass(frozen=True)
    class Options(Truncated.Options):
        z_dim: int = 128  # numbers in a latent
        network: Network = Networks()  # the architecture of both players

    options: Options
