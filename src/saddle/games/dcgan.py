"""DCGAN. Deep Convolutional Generative Adversarial Networks. Radford et al., 2015. https://arxiv.org/abs/1511.06434

A network that trains stably: strided convolutions, batch norm, no hidden dense layers, Adam with β₁ = 0.5 (Section 3).
The generator's step is on the same fakes that the discriminator's step has just used, as in the torch code.
"""

from dataclasses import dataclass

from ._two_player import TwoPlayer


class DCGAN(TwoPlayer):
    in_short = "Strided convolutions and batch norm make a GAN of images train stably."
    group = "draw"
    start_here = True

    @dataclass(frozen=True)
    class Options(TwoPlayer.Options):
        fresh_fakes: bool = False  # draw new noise for the generator's step, or reuse the discriminator's fakes

    options: Options
