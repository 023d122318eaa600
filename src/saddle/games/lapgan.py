"""LAPGAN. Deep Generative Image Models using a Laplacian Pyramid. Denton et al., 2015. https://arxiv.org/abs/1506.05751

A picture is drawn small, then enlarged and given details, level by level: Ĩₖ = u(Ĩₖ₊₁) + Gₖ(zₖ, u(Ĩₖ₊₁)) (Eq. 5). Every
level is a GAN of its own, trained on real pyramids. Gₖ learns the residual hₖ = Iₖ - u(d(Iₖ)) of an enlarged real
image, and Dₖ judges the residual added to that same image (Algorithm 1). Learning rate, its decay and momentum, which
grows from epoch to epoch, are the paper's (Section 4). In the authors' code (facebook/eyescream,
cifar/scripts/train_cifar_coarse_to_fine_classcond.lua) momentum begins at 0 and ends at 0.7.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ..base import rng
from ..base.precision import full
from ..base.ranges import PositiveInt
from ..context import Context
from ..layers.resize import doubled, halved
from ..losses import AdversarialLoss, NonSaturating
from ..nets.lapgan import LevelDiscriminator, LevelGenerator, SmallestDiscriminator, SmallestGenerator, levels
from ..optim import SGD, Exponential, Gradual, Optim, OwnOptim
from ..spec import Batch, DataSpec
from ..tasks import Move, Prior, Sizes, Synthesis, part
from ._adversarial import Adversarial, Duel
from ._conditional import Conditional

EPOCH = 704  # rounds of 64 samples through the 45,000 images of CIFAR-10 that the paper trains on
DECAY = Exponential(factor=(1 + 4e-5) ** (-1 / EPOCH))  # of the learning rate: by 1 + 4·10⁻⁵ an epoch
MOMENTUM = Gradual(start=0.5, step=0.0008 / EPOCH, most=0.8)  # by 0.0008 an epoch


class LAPGAN(Conditional, Adversarial, Sizes):
    in_short = "A small image is drawn first, and further GANs enlarge it and add its details."
    group = "draw"

    @dataclass(frozen=True)
    class Options(Adversarial.Options, Synthesis.Options):
        z_dim: int = 100  # length of the latent at the smallest level; the others take a plane of noise each
        plane_prior: Prior = "uniform"  # distribution of a number of the planes: normal, or uniform in [-1, 1]
        smallest: PositiveInt = 8  # about how many pixels the shorter side has at the smallest level
        width: PositiveInt = 64  # channels of the convolutions
        smallest_width: PositiveInt = 1200  # units of a layer at the smallest level, which is fully connected
        conditional: bool = False  # give all players the class of each sample
        loss: AdversarialLoss = NonSaturating()  # adversarial loss
        optim: Optim = SGD(lr=0.02, schedule=DECAY, momentum=MOMENTUM)  # of all players
        discriminator_optim: OwnOptim = None  # where it differs

        @property
        def told(self) -> bool:
            return self.conditional

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        o, (channels, height, width) = self.options, data.shape
        classes = len(data.classes) if o.conditional else 0
        self.sizes = levels(height, width, o.smallest)  # the smallest first
        smallest, *larger = (
            self.add_duel(DataSpec.of((channels, *size)), name, f"discriminator.{k}", f"generator.{k}").shape
            for k, (name, size) in enumerate(zip(self.names, self.sizes, strict=True))
        )
        self.generator = nn.ModuleList(
            [SmallestGenerator(o.z_dim, (channels, *self.sizes[0]), classes, o.smallest_width)]
        )
        self.discriminator = nn.ModuleList([SmallestDiscriminator(smallest, classes, o.smallest_width)])
        for size, shown in zip(self.sizes[1:], larger, strict=True):
            self.generator.append(LevelGenerator(channels, size, classes, o.width))
            self.discriminator.append(LevelDiscriminator(shown[0], size, classes, o.width))
        self.check_duels()

    def check_data(self) -> None:
        super().check_data()
        if self.options.conditional:
            self.check_labels("--game.conditional false")

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        o = self.options
        for _ in range(self.steps()):
            batch = next(batches)
            real, label = pyramid(batch["image"], len(self.sizes)), self.label_of(batch)
            z = self.noise(len(real[0]))
            with torch.no_grad():
                fake = self.fakes(z, real, label)
            losses: dict[str, Any] = {}
            contexts = [self.context(k, z, real, fake, label, compares=True) for k in range(len(self.sizes))]
            for k, (name, context) in enumerate(zip(self.names, contexts, strict=True)):
                d_real, d_fake = o.loss.output(context.real_logits), o.loss.output(context.fake_logits)
                self.note(**{f"d_real_{name}": d_real, f"d_fake_{name}": d_fake})
                losses[name] = o.loss.discriminator(context.real_logits, context.fake_logits)
                losses |= self.extras("discriminator", context, k)
            yield Move("discriminator", **losses)
            for k, context in enumerate(contexts):
                self.adapt(context.real_logits, k)

        z = self.noise(len(real[0]))
        fake, losses = self.fakes(z, real, label), {}
        for k, name in enumerate(self.names):
            context = self.context(k, z, real, fake, label, compares=o.loss.relativistic)
            losses[name] = o.loss.generator(context.real_logits, context.fake_logits)
            losses |= self.extras("generator", context, k)
        yield Move("generator", **losses)

    def judgement(self, duel: Duel, side: str) -> dict[str, str]:
        return {duel.name: self.options.loss.formula(side)}

    @property
    def names(self) -> list[str]:
        """Of the levels, by their heights, in the log."""
        return [f"level_{height}" for height, _ in self.sizes]

    def context(
        self, k: int, z: Tensor, real: list[Tensor], fake: list[Tensor], label: Tensor | None, compares: bool
    ) -> Context:
        """The context of a level's images, each [N, C, h, w], as judged; of fakes only if not `compares`."""
        score = partial(self.score, k, label=label)
        real_logits = score(real[k]) if compares else None
        generate = lambda z: self.fakes(z, real, label)[k]  # noqa: E731
        return Context.of(score, real[k], fake[k], real_logits, score(fake[k]), z=z, label=label, generate=generate)

    def fakes(self, z: Tensor, real: list[Tensor], label: Tensor | None) -> list[Tensor]:
        """For each level a fake [N, C, h, w]: what is drawn onto the real image of the level below, enlarged."""
        z, *planes = self.split(z)
        drawn = [self.generator[0](z, *given(label))]
        for k, (plane, below) in enumerate(zip(planes, real, strict=False), 1):
            drawn.append(self.detail(k, plane, doubled(below), label))
        return [full(x) for x in drawn]

    def detail(self, k: int, plane: Tensor, coarse: Tensor, label: Tensor | None) -> Tensor:
        """The coarse image [N, C, H, W] plus what generator k draws for it, of noise `plane` [N, 1, H, W], label [N] →
        same shape.
        """
        return coarse + self.generator[k](plane, coarse, *given(label))

    def score(self, k: int, image: Tensor, label: Tensor | None) -> Tensor:
        """The logits [N] of a level's images [N, C, h, w] and labels [N] as the views show them."""
        return full(self.discriminator[k](self.seen(image, k), *given(label)))

    def noise(self, n: int, label: Tensor | None = None) -> Tensor:
        """z and the planes, each of its prior, one after the other in a row."""
        pixels = sum(math.prod(size) for size in self.sizes[1:])
        draw = rng.randn if self.options.plane_prior == "normal" else self.uniform
        planes = draw(n, pixels)
        return torch.cat([super().noise(n), planes.to(self.dtype)], 1)

    def latent_parts(self) -> list[dict[str, Any]]:
        pixels, kind = sum(math.prod(size) for size in self.sizes[1:]), self.options.plane_prior
        planes = part("planes", pixels, "normal") if kind == "normal" else self.uniform_part("planes", pixels)
        return [*super().latent_parts(), planes]

    def split(self, row: Tensor) -> list[Tensor]:
        """A latent [N, K] as z [N, z_dim] and the planes of noise, each [N, 1, h, w]."""
        z, *planes = row.split([self.options.z_dim, *(math.prod(size) for size in self.sizes[1:])], 1)
        return [z, *(plane.unflatten(1, (1, *size)) for plane, size in zip(planes, self.sizes[1:], strict=True))]

    def images(self, z: Tensor, label: Tensor | None = None) -> list[Tensor]:
        """The images that each level draws onto that of the level below."""
        z, *planes = self.split(z)
        drawn = [self.generator[0](z, *given(label))]
        for k, plane in enumerate(planes, 1):
            drawn.append(self.detail(k, plane, doubled(drawn[-1]), label))
        return [x.clamp(-1, 1) for x in drawn]

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return self.images(z, label)[-1]


def pyramid(image: Tensor, count: int) -> list[Tensor]:
    """The image [N, C, H, W] at `count` sizes, each half the next: each [N, C, h, w]."""
    images = [image]
    for _ in range(count - 1):
        images.append(halved(images[-1]))
    return images[::-1]


def given(label: Tensor | None) -> list[Tensor]:
    """The label [N] as a list of one [N], or an empty list."""
    return [] if label is None else [label]
