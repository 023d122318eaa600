"""Disentangle. Fader Networks: Manipulating Images by Sliding Attributes. Lample et al., 2017.
https://arxiv.org/abs/1706.00409

An image is separated into content and attributes, and drawn again from the two. A judge predicts the labels from the
content, and the encoder removes them from it (Eq. 2, 3). `removal` chooses one of three ways. `flipped`, the paper's,
makes the judge predict the opposite labels. `reversal` moves the encoder against the judge's gradient (Ganin et al.,
2016, https://arxiv.org/abs/1505.07818). `confusion` makes the judge unsure (Lee et al., 2018, DRIT,
https://arxiv.org/abs/1808.00948). With `flipped` an encoder can learn to invert labels instead of removing them, and
the judge does not notice: train a probe anew to find out.

In `fader` the attributes are the labels themselves. In `two-encoders` a second encoder gives them as a few numbers. A
drawing of one image's content with another one's attributes must then give both back, and a discriminator of images may
judge it too. In use a classifier, `reader`, predicts a fader's labels from an image. The paper does not need one, since
it always gives the labels.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss, mse_loss

from ..base import dist
from ..base.errors import UsageError
from ..base.formulas import weighed, written
from ..base.precision import full
from ..base.ranges import Few, PositiveInt, Weight
from ..context import Context
from ..layers.resize import resized
from ..layers.reversal import reversed_gradient
from ..losses import AdversarialLoss, NonSaturating
from ..nets.disentangle import Fader, TwoEncoders, encoder, judge_of_content, judge_of_patches, levels_of
from ..optim import ClippedAdam, Constant, Linear, Logistic, Optim, Schedule
from ..spec import Batch, Condition, DataSpec
from ..tasks import Columns, Held, Move, Translation
from ._adversarial import Adversarial
from ._attributes import Attributes

RAMPS: dict[str, Schedule] = {  # 500,000 of the 1,562,500 steps of the paper's code; DANN's; DRIT's
    "flipped": Linear(start=0.0, end=1.0, finish=0.32),
    "reversal": Logistic(),
    "confusion": Constant(),
}
WEIGHTS = {"flipped": 1e-4, "reversal": 1.0, "confusion": 1.0}  # likewise: what each of them takes in its own paper


class Disentangle(Adversarial, Translation):
    in_short = "An image is taken apart into content and attributes, which can then be changed."
    group = "unpaired"
    needs = ("image", "label")
    takes = ("image",)
    takes_conditions = ("class", "labels")
    averaged = ("coder",)
    batch = 32
    moves_latents = False

    @dataclass(frozen=True)
    class Options(Adversarial.Options, Translation.Options):
        network: Literal["fader", "two-encoders"] = "fader"  # are attributes the labels, or found by an encoder?
        removal: Literal["flipped", "reversal", "confusion"] = "flipped"  # how labels are removed from the content
        removal_weight: Weight | None = None  # λ_E, at the end of its ramp; by default 0.0001 if flipped, else 1
        ramp: Schedule | None = None  # a factor on that weight over the run; the default goes with `removal`
        reconstruction_weight: Weight = 1.0  # of the distance between an image and what is drawn of its parts
        distance: Literal["squared", "absolute"] = "squared"  # of a pixel
        consistency_weight: Weight = 0.0  # of how far parts that were exchanged are from those of what is drawn of them
        adversarial_weight: Weight = 0.0  # of a discriminator that sees images whose parts were exchanged; 0: none
        loss: AdversarialLoss = NonSaturating()  # adversarial loss of the logits of patches
        width: PositiveInt = 32  # channels of the largest maps
        levels: Few | None = None  # halvings; by default 6 of a fader, 3 of two encoders, until a side has 4 pixels
        attribute_dim: PositiveInt = 8  # numbers that the second encoder finds; of many it would copy the image
        patch_layers: Few = 3  # 1, 2, 3, …: the discriminator sees patches of 16, 34, 70, … pixels
        optim: Optim = ClippedAdam(lr=2e-4, clip=5.0)  # of all players

        def __post_init__(self) -> None:
            super().__post_init__()
            if not self.adversarial_weight and (self.penalties or self.views):
                raise UsageError(
                    "adversarial_weight 0 leaves the discriminator of images out, and with it penalties and views: "
                    "leave these out too (game.penalties none, game.views none), or choose a weight above 0"
                )

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        o, (channels, height, width) = self.options, data.shape
        assert data.condition
        self.attributes, self.levels = Attributes.of(data.condition), levels_of(o.network, height, width, o.levels)
        build, size = (Fader, self.attributes.size) if o.network == "fader" else (TwoEncoders, o.attribute_dim)
        self.coder: Any = build(channels, size, self.levels, o.width)
        content = (self._features, height >> self.levels, width >> self.levels)
        self.judge = judge_of_content(content, self.attributes.size)
        if o.network == "fader":
            names = judge_of_content(content, self.attributes.size)
            self.reader = nn.Sequential(encoder(channels, self.levels, o.width), names)
        if o.adversarial_weight:
            shown = self.add_duel(data.only("image"), generator="coder").shape[0]
            self.discriminator = judge_of_patches((shown, height, width), o.patch_layers, o.width)
        self.check_duels()

    @property
    def removal_weight(self) -> float:
        weight = self.options.removal_weight
        return WEIGHTS[self.options.removal] if weight is None else weight

    @property
    def _features(self) -> int:
        return self.options.width * min(2 ** (self.levels - 1), 16)

    def parts(self) -> tuple[Any, ...]:
        return self.options.loss, *super().parts()

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        o, batch = self.options, next(batches)
        x, labels = batch["image"], self.attributes.columns(batch["label"])
        with torch.no_grad(), at_rest(self.coder):  # the judge learns from content as it is in use
            content = full(self.coder.content(x))
        yield Move("judge", labels=self.named(self.judge(content), labels))
        if o.network == "fader":
            yield Move("reader", labels=self.named(self.reader(x), labels))

        content, told = full(self.coder.content(x)), self.told(batch)
        again = full(self.coder.draw(content, told))
        distance = mse_loss if o.distance == "squared" else l1_loss
        losses: dict[str, Any] = {
            "reconstruction": o.reconstruction_weight * distance(again, x),
            "content": self.removed(content, labels) if self.removal_weight else None,
        }
        if o.consistency_weight or o.adversarial_weight:
            mixed = full(self.coder.draw(content, next_ones(told)))
            if o.consistency_weight:
                losses["consistency"] = o.consistency_weight * self.changed(mixed, content, next_ones(told))
            if o.adversarial_weight:
                yield from self.refuse(batches, x, mixed.detach())
                losses |= self.deceive(x, mixed)
        yield Move("coder", **losses)

    letters: ClassVar[dict[str, str]] = Adversarial.letters | {
        "E(x)": "the content that the coder finds",
        "G(z)": "an image whose attributes were exchanged",
        "Dec": "the part of the coder that draws",
        "y": "the labels",
        "λ": "the factor of removal in this round",
    }

    def formulas(self, player: str) -> dict[str, str]:
        o, power = self.options, "‖²" if self.options.distance == "squared" else "‖₁"
        if player in ("judge", "reader"):
            return {"labels": f"-log p(y | {'E(x)' if player == 'judge' else 'x'})"}
        told = super().formulas(player)
        if player != "coder":
            return told
        ramp = written(o.ramp or RAMPS[o.removal])
        content = {
            "flipped": "-λ · log p(1 - y | E(x))",
            "reversal": "-log p(y | E(x)), its gradient times -λ",
            "confusion": "-λ · log p(y' | E(x)), y' all labels evenly",
        }[o.removal]
        both = "‖E(x') - E(x)‖₁" if o.network == "fader" else "(‖E(x') - E(x)‖₁ + ‖A(x') - a'‖₁)"
        adversarial = {"adversarial": (o.adversarial_weight, told.pop("adversarial", "0"))}
        return told | weighed(
            reconstruction=(o.reconstruction_weight, f"‖Dec(E(x), a) - x{power}, a the attributes"),
            content=(self.removal_weight and 1.0, f"{content}, λ = {self.removal_weight:g} · {ramp}"),
            consistency=(o.consistency_weight, f"{both}, x' = Dec(E(x), a'), a' the attributes of another"),
            **adversarial,
        )

    def told(self, batch: Batch) -> Tensor:
        """The attributes [N, A] that a drawing gets beside its content: the labels, or the encoder's."""
        if self.options.network == "fader":
            return self.vector(self.attributes.columns(batch["label"]))
        return full(self.coder.attributes(batch["image"]))

    def vector(self, columns: Tensor) -> Tensor:
        """Labels as columns [N, K] → what the coder takes, [N, A]."""
        return self.attributes.vector(columns, torch.zeros(columns.shape[0], dtype=torch.long, device=columns.device))

    def named(self, logits: Tensor, labels: Tensor) -> Tensor:
        """-E log p of the labels [N, K], of logits [N, A].  []"""
        return self.attributes.losses(full(logits), labels).mean()

    def removed(self, content: Tensor, labels: Tensor) -> Tensor:
        """The encoder's loss [] for labels [N, K] that its content [N, F, h, w] still shows.

        The judge is in eval mode, and has taken its step.
        """
        o, attributes = self.options, self.attributes
        strength = self.removal_weight * (o.ramp or RAMPS[o.removal])(self.rounds, self.progress)
        with at_rest(self.judge):
            if o.removal == "reversal":  # the judge's own loss, whose gradient is -strength times what it would be
                return self.named(self.judge(reversed_gradient(content, strength)), labels)
            wanted = attributes.others(labels) if o.removal == "flipped" else attributes.evenly(labels)
            return strength * self.named(self.judge(content), wanted)

    def changed(self, mixed: Tensor, content: Tensor, new: Tensor) -> Tensor:
        """The distance [] of drawings `mixed` [N, C, H, W], encoded again, from what they were made of.

        That is content [N, F, h, w] and new attributes [N, A].
        """
        far = l1_loss(full(self.coder.content(mixed)), content.detach())
        if self.options.network == "fader":
            return far
        return far + l1_loss(full(self.coder.attributes(mixed)), new.detach())

    def refuse(self, batches: Iterator[Batch], real: Tensor, mixed: Tensor) -> Iterator[Move]:
        """The steps of the discriminator on images, both [N, C, H, W], the first with the drawings of the coder's own
        step.
        """
        for step in range(self.steps()):
            if step:
                batch = next(batches)
                real = batch["image"]
                with torch.no_grad():
                    mixed = full(self.coder.draw(self.coder.content(real), next_ones(self.told(batch))))
            context = self.context(real, mixed)
            loss = self.options.loss.at(self.progress).discriminator(context.real_logits, context.fake_logits)
            yield Move("discriminator", adversarial=loss, **self.extras("discriminator", context))
            self.adapt(context.real_logits)

    def deceive(self, real: Tensor, mixed: Tensor) -> dict[str, Any]:
        """The coder's losses for drawings that the discriminator tells from real images, both [N, C, H, W]."""
        o, context = self.options, self.context(real, mixed, self.options.loss.relativistic)
        loss = o.loss.at(self.progress).generator(context.real_logits, context.fake_logits)
        return {"adversarial": o.adversarial_weight * loss} | self.extras("generator", context)

    def context(self, real: Tensor, mixed: Tensor, compares: bool = True) -> Context:
        """The discriminator's context of real images and drawings, both [N, C, H, W]."""
        return Context.of(self.score, real, mixed, self.score(real) if compares else None, self.score(mixed))

    def score(self, x: Tensor) -> Tensor:
        """The logits [N, 1, h, w] of the patches of images x [N, C, H, W] as the views show them."""
        return full(self.discriminator(self.seen(x)))

    # In use.

    @property
    def domains(self) -> tuple[str, ...]:
        return ("image",)

    @property
    def ways(self) -> tuple[tuple[str, str], ...]:
        return (("image", "image"),)

    @property
    def styled(self) -> bool:
        return True

    @property
    def asked(self) -> Condition | None:
        return self.data.condition if self.options.network == "fader" else None

    def multiple(self, start: str, to: str) -> int:
        return 2**self.levels

    def smallest(self, start: str, to: str) -> int:
        return 2 * 2**self.levels  # content of one pixel has no statistics

    @torch.no_grad()
    def code(self, batch: Batch, domain: str) -> Tensor:
        """The content, [N, F, h, w]."""
        return self.coder.content(self.planes(batch, domain))

    @torch.no_grad()
    def translate(self, batch: Batch, to: str) -> Tensor:
        """The content of images with the attributes of a style, else of their own; labels come before those of both."""
        x = self.planes(batch, self.way(None, to)[0])
        style = batch["style"].to(x) if "style" in batch else x
        if self.options.network == "fader":
            told = self.vector(self.attributes.filled(self.wished(batch, x), self.read(style)))
        else:
            told = self.coder.attributes(style)
        return self.coder.draw(self.coder.content(x), told)

    def wished(self, batch: Batch, x: Tensor) -> Tensor:
        """The labels [N, K] that are asked for of images x [N, C, H, W], NaN where an image keeps its own."""
        if "label" in batch:
            return self.attributes.columns(batch["label"].to(x.device))
        return torch.full((x.shape[0], len(self.attributes.condition.names)), torch.nan, device=x.device)

    def read(self, x: Tensor) -> Tensor:
        """log p of every label, [N, K], as the reader sees it."""
        return self.attributes.log_likely(full(self.reader(resized(x, self.size("image")))))

    def shown(self, held: Held) -> Columns:
        """Eight held-out images, drawn again, and drawn with the attributes of the next one."""
        image = held(8)["image"]
        style = image.roll(-1, 0)
        exchanged = self.translate({"image": image, "style": style}, "image")
        again = self.translate({"image": image}, "image")
        return {"image": image, "drawn again": again, "attributes of": style, "exchanged": exchanged}


def next_ones(attributes: Tensor) -> Tensor:
    """For each image the attributes of the next one, [N, A] → same shape, in the batch of all processes.

    A micro-batch is its own.
    """
    n = len(attributes)
    return dist.joint_gather(attributes).roll(-1, 0)[dist.rank() * n :][:n]


@contextmanager
def at_rest(*networks: nn.Module) -> Iterator[None]:
    """Inside, networks are as in use: batch norm knows the statistics of the past, and nothing is dropped."""
    modes = [network.training for network in networks]
    for network in networks:
        network.eval()
    try:
        yield
    finally:
        for network, mode in zip(networks, modes, strict=True):
            network.train(mode)
