"""StyleGAN2. Analyzing and Improving the Image Quality of StyleGAN. Karras et al., 2020. https://arxiv.org/abs/1912.04958

A mapping network turns z into a style w, which scales the weights of every convolution (Section 2.2). Noise adds
details that are random. R1, and a penalty on how unevenly w changes the image (path length, Eq. 4), are lazy: they are
computed in every 16th and 4th round. Truncation draws styles towards their mean. With few images `--game.views ADA`
keeps the discriminator from memorising them, which is of a later paper: https://arxiv.org/abs/2006.06676.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..base import rng
from ..base.errors import UsageError
from ..nets import stylegan2
from ..nets.network import Network
from ..optim import Adam, Optim
from ..penalties import R1, PathLength, Penalty
from ..spec import DataSpec
from ..tasks import Form, Port
from ._two_player import TwoPlayer


class StyleGAN2(TwoPlayer):
    in_short = "A mapping network turns the latent into a style, which scales all convolutions."
    group = "draw"
    takes = ("image",)

    @dataclass(frozen=True)
    class Options(TwoPlayer.Options):
        z_dim: int = 512  # length of the latent z
        network: Network = stylegan2.StyleGAN2()  # the architecture of both players
        # In the paper a lazy penalty is a further step, and all steps are shortened by i / (i + 1) to compensate.
        # Here it is part of the round's own step: there are no further ones, and lr and betas stay as they are.
        penalties: tuple[Penalty, ...] = (R1(weight=10.0, every=16), PathLength())  # γ, and its own
        optim: Optim = Adam(lr=2e-3, betas=(0.0, 0.99))  # of both players

    options: Options
    generator: stylegan2.Generator

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        if not isinstance(self.generator, stylegan2.Generator):
            raise UsageError(f"StyleGAN2 wants a network with styles, not {type(self.options.network).__name__}")
        self.generator.uniform = self.options.prior == "uniform"

    def searched(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The style w of all layers, where images lie nearer to each other than in z.  [N, 1, w_dim]

        Karras et al., 2020, Appendix D, search there too.
        """
        return self.generator.styles(z, label)[:, :1]

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The images of latents [N, z_dim] (and labels), or of styles [N, 1 or layers, w_dim]."""
        if z.ndim == 2:
            return super().decode(z, label)
        return self.generator.synthesis(z.expand(-1, self.generator.synthesis.styles, -1))

    @torch.no_grad()
    def truncated(self, n: int, label: Tensor | None, truncation: float) -> Tensor:
        """n new samples whose styles lie ψ = `truncation` times as far from the mean style as they would."""
        if not 0 <= truncation <= 1:
            raise UsageError(
                f"truncation is ψ, from 0 (all samples alike) to 1 (none held back), not {truncation}; try 0.7"
            )
        return self.generator.synthesis(self.generator.styles(self.noise(n, label), label, truncation))

    def _drawn(self) -> Form | str:
        """With ψ of every sample as a last input."""
        form = super()._drawn()
        assert isinstance(form, Form)

        def compute(z: Tensor, *more: Tensor) -> tuple[Tensor, ...]:
            label, psi = more if len(more) > 1 else (None, more[0])
            return (self.generator.synthesis(self.generator.styles(z, label, psi[:, None])),)

        def draw(n: int, larger: bool) -> tuple[Tensor, ...]:
            return *form.draw(n, larger), rng.rand(n, device=torch.device("cpu"))

        says = "ψ of every sample: how far its style is from their mean, from 0 to 1, which holds nothing back"
        port = Port("psi", says, {"range": [0, 1], "default": 1.0})
        return replace(form, compute=compute, draw=draw, inputs=(*form.inputs, port))
