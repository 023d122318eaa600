"""SinGAN. Learning a Generative Model from a Single Natural Image. Shaham et al., 2019. https://arxiv.org/abs/1905.01164

A pyramid of small GANs, one for each scale, trained one after the other from the coarsest. Each adds detail to the
image from below, x̃ₙ = up(x̃ₙ₊₁) + ψₙ(σₙ zₙ + up(x̃ₙ₊₁)) (Eq. 3), and has a discriminator whose patches have 11 pixels
(Eq. 4). One fixed noise, {z*, 0, …, 0}, must give the image itself (Eq. 5); its error at a scale is σₙ. The norm in the
penalty is each pixel's, over the channels, as in the authors' code, whose λ and α are meant for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from ..base import rng
from ..base.errors import UsageError
from ..base.formulas import times
from ..base.known import known, put
from ..base.precision import full, second_order
from ..base.ranges import NonNegativeFloat, OpenShare, PositiveInt, Share, Weight
from ..context import Context, Output, Score
from ..layers.resize import resized
from ..losses import AdversarialLoss, Wasserstein
from ..nets.singan import ScaleGenerator, pyramid, scale_discriminator
from ..optim import Adam, Optim
from ..spec import Batch, DataSpec
from ..tasks import Move
from ..tasks.single_image import SingleImage
from ._adversarial import Adversarial


class SinGAN(Adversarial, SingleImage):
    in_short = "A pyramid of small GANs learns a single image and draws others like it."
    group = "one"
    start_here = True

    @dataclass(frozen=True)
    class Options(Adversarial.Options):
        loss: AdversarialLoss = Wasserstein()  # adversarial loss of the logits of patches
        reconstruction_weight: Weight = 10.0  # α: the fixed noise must give the image back; 100 for super-resolution
        gradient_penalty_weight: Weight = 0.1  # λ
        noise: NonNegativeFloat = 0.1
        """the noise at a scale, relative to the error of the reconstruction that arrives there"""
        factor: OpenShare = 0.75  # about what a scale's sides are of the next one's; 0.794 for super-resolution
        min_side: PositiveInt = 25  # pixels of the shorter side at the coarsest scale
        max_side: int = 250  # pixels of the longer side at the finest; a larger image is reduced
        width: PositiveInt = 32  # channels at the coarsest scale, twice as many every four scales
        widest: PositiveInt = 128  # channels that are never exceeded
        discriminator_steps: int = 3  # in a round
        generator_steps: PositiveInt = 3  # in a round
        slow_after: Share = 0.8  # share of a scale's rounds after which learning rates fall to a tenth
        optim: Optim = Adam(lr=5e-4)  # of both players

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.max_side < self.min_side:
                raise UsageError(f"max_side is at least min_side, {self.min_side}, not {self.max_side}")

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        o, (channels, height, width) = self.options, data.shape
        self.sizes = pyramid(height, width, o.min_side, o.max_side, o.factor)
        widths = [min(o.width << scale // 4, o.widest) for scale in range(len(self.sizes))]
        self.generator = nn.ModuleList(ScaleGenerator(channels, width) for width in widths)
        shown = [
            self.add_duel(DataSpec.of((channels, *size)), "", f"discriminator.{scale}", f"generator.{scale}").shape[0]
            for scale, size in enumerate(self.sizes)
        ]
        self.discriminator = nn.ModuleList(map(scale_discriminator, shown, widths))
        self.register_buffer("fixed", torch.randn(1, 1, *self.sizes[0]))  # z*, once and for all
        self.register_buffer("amplitudes", torch.ones(len(self.sizes)))  # σ
        self.register_buffer("begun", torch.tensor(0))  # scales
        self.check_duels()

    def check_data(self) -> None:
        super().check_data()
        if not self.data.single:
            raise UsageError("SinGAN learns one picture, and these data have many: choose --data photo or photo:FILE")

    def optim(self, player: str) -> Optim:
        o, (_, done) = self.options.optim, self.part(len(self.sizes))
        return replace(o, lr=o.lr / 10) if done >= self.options.slow_after else o

    def has_staged(self, progress: float) -> bool:
        return progress * len(self.sizes) >= min(self.options.slow_after, 1)

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        o, (scale, _), image = self.options, self.part(len(self.sizes)), next(batches)["image"]
        new = self.begin(scale, image[:1])
        score, real = partial(self.score, scale), resized(image, self.sizes[scale])
        for step in range(self.steps()):  # all on the same batch: there is one image
            with torch.no_grad():
                context = self.context(scale, real)
            real_logits, fake_logits = score(real), score(context.fake)
            context = replace(context, real_output=Output(real_logits), fake_output=Output(fake_logits))
            self.note(d_real=o.loss.output(real_logits), d_fake=o.loss.output(fake_logits))
            yield Move(
                "discriminator",
                forget=new and step == 0,
                adversarial=o.loss.discriminator(real_logits, fake_logits),
                gradient_penalty=o.gradient_penalty_weight * gradient_penalty(score, real, context.fake),
                **self.extras("discriminator", context, scale),
            )
            self.adapt(real_logits, scale)

        below, fixed = (x.expand(len(real), -1, -1, -1) for x in (self.arriving(scale), self.fixed_planes()[scale]))
        for step in range(o.generator_steps):
            compared, context = score(real) if o.loss.relativistic else None, self.context(scale, real)
            fake_logits = score(context.fake)
            context = replace(context, fake_output=Output(fake_logits))
            back = full(self.generator[scale](fixed, below))
            yield Move(
                "generator",
                forget=new and step == 0,
                adversarial=o.loss.generator(compared, fake_logits),
                reconstruction=o.reconstruction_weight * mse_loss(back, real),
                **self.extras("generator", context, scale),
            )

    letters: ClassVar[dict[str, str]] = Adversarial.letters | {
        "x": "the image at this scale",
        "G(z)": "a fake of this scale",
        "G(z*)": "what the fixed noise becomes",
    }

    def formulas(self, player: str) -> dict[str, str]:
        o = self.options
        mine = {
            "discriminator": {
                "gradient_penalty": times(
                    o.gradient_penalty_weight, "(‖∇C(x̂)‖ - 1)² of each pixel, x̂ uniform on lines from fake to real"
                )
            },
            "generator": {"reconstruction": times(o.reconstruction_weight, "‖G(z*) - x‖²")},
        }
        return mine[player] | super().formulas(player)

    def context(self, scale: int, real: Tensor) -> Context:
        """The context of new fakes of a scale beside real images [N, C, h, w], not judged yet; z is the noise of that
        scale.
        """
        *below, plane = self.planes(len(real), self.sizes[: scale + 1])
        generate = lambda plane: self.fake([*below, plane])  # noqa: E731
        return Context(partial(self.score, scale), real, generate(plane), z=plane, generate=generate)

    def score(self, scale: int, x: Tensor) -> Tensor:
        """The logits [N, 1, h', w'] of patches of images x [N, C, h, w] at a scale as the views show them."""
        return full(self.discriminator[scale](self.seen(x, scale)))

    def begin(self, scale: int, image: Tensor) -> bool:
        """Prepare the players of a scale, with its image [1, C, h, w]; True if it is a new one.

        Its weights start as those of the scale before.
        """
        first = known(self.begun)
        for new in range(first, scale + 1):
            for player in (self.generator, self.discriminator):
                before, now = player[max(new - 1, 0)].state_dict(), player[new].state_dict()
                if all(before[name].shape == tensor.shape for name, tensor in now.items()):
                    player[new].load_state_dict(before)
            if new:
                error = mse_loss(full(self.arriving(new)), resized(image, self.sizes[new])).sqrt()
                self.amplitudes[new] = self.options.noise * error
            put(self.begun, new + 1)
        return scale >= first

    @torch.no_grad()
    def arriving(self, scale: int) -> Tensor:
        """The reconstruction as it arrives at a scale from below, enlarged.  [1, C, H, W]"""
        if scale == 0:
            return torch.zeros(1, self.data.shape[0], *self.sizes[0]).to(self.fixed)
        return resized(self.reconstruct(scale), self.sizes[scale])

    def fake(self, planes: list[Tensor]) -> Tensor:
        """Images [N, C, h, w] of the scale of the last of `planes`, each [N, C, h, w].

        Only that scale's generator gets a gradient.
        """
        scale = len(planes) - 1
        with torch.no_grad():
            below = self.climb(planes[:-1]) if scale else self.arriving(0)
        return self.step(scale, planes[-1], resized(below, self.sizes[scale]))


def gradient_penalty(score: Score, real: Tensor, fake: Tensor) -> Tensor:
    """(‖∇C(x̂)‖ - 1)², [], for each pixel's gradient of the sum of the logits of all patches.

    x̂ lies on lines from fake to real, both [N, C, H, W].
    """
    with second_order(real):
        t = rng.rand(len(real), 1, 1, 1, device=real.device).to(real)
        between = torch.lerp(fake, real, t).requires_grad_()
        (gradient,) = torch.autograd.grad(score(between).sum(), between, create_graph=True)
        return (gradient.norm(dim=1) - 1).square().mean()
