"""Disentangle. Fader Networks: Manipulating Images by Sliding Attributes. Lample et al., 2017.
https://arxiv.org/abs/1706.00409

An image is taken apart into content and attributes and drawn again from the two, while a judge looks for the labels in
the content and the encoder takes them out (Eq. 2, 3). It does so in one of three ways: it makes the judge say what is
not so (`flipped`, the paper's), it is moved against the judge's gradient (`reversal`: Ganin et al., 2016,
https://arxiv.org/abs/1505.07818), or it makes the judge say nothing (`confusion`: Lee et al., 2018, DRIT,
https://arxiv.org/abs/1808.00948). An encoder that overdoes the first way turns labels round instead of taking them out,
and the judge never notices: ask a probe that is trained anew.

In `fader` the attributes are the labels themselves. In `two-encoders` a second encoder finds them as a few numbers,
and the drawing of one image's content with another one's attributes must give both back; a discriminator of images may
look at it too. In use a fader's labels are read off an image by a classifier, `reader`, which the paper does not need,
for it always gives the labels.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss, mse_loss

from ..base import dist
from ..base.errors import UsageError, at_least, few
from ..base.precision import full
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
        removal: Literal["flipped", "reversal", "confusion"] = "flipped"  # how labels are taken out of the content
        removal_weight: float | None = None  # λ_E, at the end of its ramp; by default 0.0001 if flipped, else 1
        ramp: Schedule | None = None  # a factor on it; by default the one that goes with how labels are taken out
        reconstruction_weight: float = 1.0  # of the distance between an image and what is drawn of its parts
        distance: Literal["squared", "absolute"] = "squared"  # of a pixel
        consistency_weight: float = 0.0  # of how far parts that were exchanged are from those of what is drawn of them
        adversarial_weight: float = 0.0  # of a discriminator that sees images whose parts were exchanged; 0: none
        loss: AdversarialLoss = NonSaturating()  # what it and the coder make of its patches' logits
        width: int = 32  # channels of the largest maps
        levels: int | None = None  # halvings; by default 6 of a fader, 3 of two encoders, until a side has 4 pixels
        attribute_dim: int = 8  # numbers that the second encoder finds; of many it would copy the image
        patch_layers: int = 3  # 1, 2, 3, …: the discriminator sees patches of 16, 34, 70, … pixels
        optim: Optim = ClippedAdam(lr=2e-4, clip=5.0)  # of all players

        def __post_init__(self) -> None:
            super().__post_init__()
            few(levels=self.levels, patch_layers=self.patch_layers)
            weights = ("removal_weight", "reconstruction_weight", "consistency_weight", "adversarial_weight")
            least = dict.fromkeys(weights, 0) | dict.fromkeys(("width", "levels", "attribute_dim", "patch_layers"), 1)
            at_least(self, least)
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

    def told(self, batch: Batch) -> Tensor:
        """What a drawing is told of a batch beside its content, [N, A]: the labels, or what the encoder finds."""
        if self.options.network == "fader":
            return self.vector(self.attributes.columns(batch["label"]))
        return full(self.coder.attributes(batch["image"]))

    def vector(self, columns: Tensor) -> Tensor:
        return self.attributes.vector(columns, torch.zeros(len(columns), dtype=torch.long, device=columns.device))

    def named(self, logits: Tensor, labels: Tensor) -> Tensor:
        """-E log p of the labels."""
        return self.attributes.losses(full(logits), labels).mean()

    def removed(self, content: Tensor, labels: Tensor) -> Tensor:
        """What the encoder pays for labels in its content; the judge is as in use, and has moved."""
        o, attributes = self.options, self.attributes
        strength = self.removal_weight * (o.ramp or RAMPS[o.removal])(self.rounds, self.progress)
        with at_rest(self.judge):
            if o.removal == "reversal":  # the judge's own loss, whose gradient is -strength times what it would be
                return self.named(self.judge(reversed_gradient(content, strength)), labels)
            wanted = attributes.others(labels) if o.removal == "flipped" else attributes.evenly(labels)
            return strength * self.named(self.judge(content), wanted)

    def changed(self, mixed: Tensor, content: Tensor, new: Tensor) -> Tensor:
        """How far the parts of a drawing are from those that it was made of."""
        far = l1_loss(full(self.coder.content(mixed)), content.detach())
        if self.options.network == "fader":
            return far
        return far + l1_loss(full(self.coder.attributes(mixed)), new.detach())

    def refuse(self, batches: Iterator[Batch], real: Tensor, mixed: Tensor) -> Iterator[Move]:
        """The steps of the discriminator of images, the first with the drawings of the coder's own step."""
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
        """What the coder pays for drawings that the discriminator of images tells from real ones."""
        o, context = self.options, self.context(real, mixed, self.options.loss.relativistic)
        loss = o.loss.at(self.progress).generator(context.real_logits, context.fake_logits)
        return {"adversarial": o.adversarial_weight * loss} | self.extras("generator", context)

    def context(self, real: Tensor, mixed: Tensor, compares: bool = True) -> Context:
        return Context.of(self.score, real, mixed, self.score(real) if compares else None, self.score(mixed))

    def score(self, x: Tensor) -> Tensor:
        """The logits [N, 1, h, w] of the patches of images as the views show them."""
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
        """The labels that are asked for, [N, K], NaN where an image keeps its own."""
        if "label" in batch:
            return self.attributes.columns(batch["label"].to(x.device))
        return torch.full((len(x), len(self.attributes.condition.names)), torch.nan, device=x.device)

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
    """For each image those of the next one, [N, A], in the batch of all processes; a micro-batch is its own."""
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
