"""InfoGAN. Information Maximizing Generative Adversarial Nets. Chen et al., 2016. https://arxiv.org/abs/1606.03657

Part of the noise is a code c: a category and a few numbers. A second head on the discriminator's trunk, Q(c | x),
predicts the code of a fake. Both players minimise its error, which raises a lower bound of the mutual information of c
and G(z, c) (Eq. 5, 6). Settings of the MNIST code.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from ..base import rng
from ..base.formulas import times
from ..base.precision import full
from ..base.ranges import NonNegativeInt, PositiveInt, Weight, at_least
from ..context import Context
from ..losses import AdversarialLoss, NonSaturating
from ..nets import infogan
from ..nets.infogan import CodeOutput
from ..optim import Adam, Optim
from ..spec import Batch, DataSpec
from ..tasks import Move, Prior, Sweep, Traversal, part
from ._adversarial import Adversarial


class Code(NamedTuple):
    category: Tensor  # int64 [N]
    continuous: Tensor  # in [-1, 1], [N, D]


class InfoGAN(Adversarial, Traversal):
    in_short = "Some numbers of the latent come to mean something, without any label."
    group = "encode"
    companion = "code"

    @dataclass(frozen=True)
    class Options(Adversarial.Options, Traversal.Options):
        z_dim: int = 62  # numbers in the noise beside the code
        prior: Prior = "uniform"  # distribution of a number of z: normal, or uniform in [-1, 1]
        categories: Annotated[int, at_least(2)] = 10  # values of the category
        continuous: NonNegativeInt = 2  # numbers in the code
        information_weight: Weight = 1.0  # λ of Eq. 6
        learn_std: bool = False  # let Q say how sure it is of the numbers; the MNIST code fixes it at 1
        width: PositiveInt = 64  # channels of the largest map
        loss: AdversarialLoss = NonSaturating()  # adversarial loss
        optim: Optim = Adam(lr=1e-3)  # of the generator
        discriminator_optim: Optim = Adam(lr=2e-4)  # of the discriminator and Q

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        o = self.options
        self.generator = infogan.generator(o.z_dim + o.categories + o.continuous, data, o.width)
        self.discriminator = infogan.Discriminator(self.add_duel(data), o.categories, o.continuous, o.width)
        self.check_duels()

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        o = self.options
        for _ in range(self.steps()):
            real = next(batches)["image"]
            code = self.codes(len(real))
            z = self.noise(len(real), code=code)
            with torch.no_grad():
                fake = self.generator(z)
            real_logits, output = self.score(real), self.discriminate(fake)
            fake_logits, surprise = full(output.logits), self.surprise(output, code)
            self.note(
                d_real=o.loss.output(real_logits),
                d_fake=o.loss.output(fake_logits),
                information=self.entropy() - surprise,
            )
            context = Context.of(self.score, real, fake, real_logits, fake_logits, z=z, generate=self.generator)
            yield Move(
                "discriminator",
                adversarial=o.loss.discriminator(real_logits, fake_logits),
                information=o.information_weight * surprise,
                **self.extras("discriminator", context),
            )
            self.adapt(real_logits)

        code = self.codes(len(real))
        z = self.noise(len(real), code=code)
        fake = self.generator(z)
        output = self.discriminate(fake)
        compared = self.score(real) if o.loss.relativistic else None
        context = Context.of(self.score, real, fake, compared, full(output.logits), z=z, generate=self.generator)
        yield Move(
            "generator",
            adversarial=o.loss.generator(compared, full(output.logits)),
            information=o.information_weight * self.surprise(output, code),
            **self.extras("generator", context),
        )

    def formulas(self, player: str) -> dict[str, str]:
        guess = "-log Q(c | G(z, c)), Q the second head of the discriminator"
        return super().formulas(player) | {"information": times(self.options.information_weight, guess)}

    def discriminate(self, x: Tensor) -> CodeOutput:
        """The output of D and Q for images x [N, C, H, W] as the views show them."""
        return self.discriminator(self.seen(x))

    def score(self, x: Tensor) -> Tensor:
        """D's logits [N] of images x [N, C, H, W]."""
        return full(self.discriminate(x).logits)

    def surprise(self, output: CodeOutput, code: Code) -> Tensor:
        """-E log Q(c | x) in nats, []: how badly the code was guessed."""
        log_std = full(output.log_std) if self.options.learn_std else torch.zeros_like(full(output.mean))
        error = (code.continuous - full(output.mean)) * (-log_std).exp()
        gaussian = error.square() / 2 + log_std + math.log(2 * math.pi) / 2
        return cross_entropy(full(output.category), code.category) + gaussian.sum(1).mean()

    def entropy(self) -> float:
        """H(c) in nats: what the information cannot exceed."""
        return math.log(self.options.categories) + self.options.continuous * math.log(2)

    @property
    def labels(self) -> tuple[str, ...]:
        """The values of the category; which of them is which class is for the game to find out."""
        return tuple(map(str, range(self.options.categories)))

    def codes(self, n: int, category: Tensor | None = None) -> Code:
        """n codes as they are drawn in training, of the given categories int64 [n] if there are any."""
        o = self.options
        dealt = rng.randint(o.categories, n, device=self.device)
        numbers = rng.rand(n, o.continuous, device=self.device) * 2 - 1
        return Code(dealt if category is None else category, numbers.to(self.dtype))

    def noise(self, n: int, label: Tensor | None = None, code: Code | None = None) -> Tensor:
        """z, of the prior, and the code, drawn unless given.  [n, z_dim + categories + continuous]"""
        code = code or self.codes(n, label)
        z = self.draw_prior(n, self.options.z_dim)
        return torch.cat((z, one_hot(code.category, self.options.categories).to(z), code.continuous), dim=1)

    def latent_parts(self) -> list[dict[str, Any]]:
        o = self.options
        category = part("category", o.categories, "one-hot", names=list(self.labels))
        return [*super().latent_parts(), category, part("code", o.continuous, "uniform", low=-1.0, high=1.0)]

    def sweeps(self, steps: int, reach: float | None = None) -> dict[str, Sweep]:
        """The category, all of its values, and the numbers of the code; the noise beside it says nothing by itself."""
        o = self.options
        values = torch.linspace(-1, 1, steps, device=self.device, dtype=self.dtype)[:, None] * (reach or 1.0)
        start = o.z_dim + o.categories
        categories = torch.eye(o.categories, device=self.device, dtype=self.dtype)
        numbers = {f"c{i + 1}": Sweep(slice(start + i, start + i + 1), values) for i in range(o.continuous)}
        return {"category": Sweep(slice(o.z_dim, start), categories)} | numbers
