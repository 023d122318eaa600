"""ST-CGAN. Stacked Conditional Generative Adversarial Networks for Jointly Learning Shadow Detection and Shadow
Removal. Wang, Li and Yang, 2018. https://arxiv.org/abs/1712.02478

Two U-Nets stand on top of each other. The first draws the mask of the shadow. The second sees the mask beside the image
and draws the image without the shadow, and its errors teach the first one too. One discriminator sees the image and its
mask, another one sees both and the image without the shadow. Layers are the paper's, constants those of a well-known
implementation. Each image is normalised by its own statistics, as in pix2pix.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from ..base.errors import UsageError
from ..base.formulas import times
from ..base.precision import full
from ..base.ranges import Few, PositiveInt, Weight
from ..context import Context
from ..losses import AdversarialLoss, NonSaturating
from ..nets.parts import MapNorm
from ..nets.patch import halving_discriminator
from ..nets.unet import UNet, depth
from ..optim import Adam, Optim
from ..spec import Batch, DataSpec
from ..tasks import Move, Translation
from ._adversarial import Adversarial, Duel


class STCGAN(Adversarial, Translation):
    in_short = "One network finds the shadow in an image, and another one removes it."
    group = "paired"
    needs: tuple[str, ...] = ("a", "mask", "b")  # an image, where its shadow lies, and the image without it
    paired = True
    batch = 8
    moves_latents = False

    @dataclass(frozen=True)
    class Options(Adversarial.Options, Translation.Options):
        loss: AdversarialLoss = NonSaturating()  # adversarial loss of the logits of patches
        removes: bool = True  # the shadow too; if not, it learns to find shadows alone, and needs no images without
        removal_weight: Weight = 5.0  # λ1: of the mean distance from the true image; the mask's has 1
        adversarial_weights: tuple[Weight, Weight] = (0.1, 0.1)  # λ2, λ3: adversarial, of the mask and of the image
        levels: Few | None = None  # halvings of a U-Net; by default until a side has 1 to 7 pixels: 8 of 256
        width: PositiveInt = 64  # channels of the largest maps
        norm: MapNorm = "batch-of-one"  # of all players: each image by its own statistics, in use too
        optim: Optim = Adam(lr=2e-4)  # of both players: both U-Nets are one, and so are both discriminators

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        if options and not options.removes:
            self.needs = ("a", "mask")
        super().__init__(data, options)
        o, (height, width) = self.options, self.size("a")
        planes = {key: data.fields[key].planes for key in self.domains}
        self.levels, self.made = depth(height, width, o.levels), self.domains[1:]
        self.generator, self.discriminator = nn.ModuleDict(), nn.ModuleDict()
        for domain in self.made:
            inputs = sum(planes[key] for key in self.domains[: self.domains.index(domain)])
            self.generator[domain] = UNet(inputs, planes[domain], self.levels, o.width, o.norm, 1.0, biased_end=False)
            judged = DataSpec.of((inputs + planes[domain], height, width))
            shown = self.add_duel(judged, domain, f"discriminator.{domain}", f"generator.{domain}")
            self.discriminator[domain] = halving_discriminator((shown.shape[0], height, width), o.width, o.norm)
        self.check_duels()

    def check_data(self) -> None:
        fields = self.data.fields
        if "b" in self.needs and "b" not in fields and {"a", "mask"} <= fields.keys():
            raise UsageError(
                "STCGAN learns to remove shadows from images without them (b), and these data have none; choose "
                "--game.removes false, and it learns to find shadows alone, or data with all three: --data triples:PATH"
            )
        super().check_data()
        if fields["mask"].kind != "mask":
            raise UsageError(f"STCGAN finds shadows as masks of two values; the mask of these data is {fields['mask']}")
        if "b" in self.needs:
            self.check_drawn()

    def parts(self) -> tuple[Any, ...]:
        return self.options.loss, *super().parts()

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        o, criterion, steps = self.options, self.options.loss.at(self.progress), self.steps()
        for step in range(steps):
            batch = next(batches)
            true = {key: self.planes(batch, key) for key in self.domains}
            with torch.set_grad_enabled(step == steps - 1):  # the last ones are the generators' too
                drawn = self.draw(true["a"])
            losses: dict[str, Any] = {}
            of = {domain: self.context(domain, true, _detached(drawn)) for domain in self.made}
            for duel, (domain, context) in enumerate(of.items()):
                loss = criterion.discriminator(context.real_logits, context.fake_logits)
                losses |= {f"adversarial_{domain}": loss, **self.extras("discriminator", context, duel)}
            yield Move("discriminator", **losses)
            for duel, context in enumerate(of.values()):
                self.adapt(context.real_logits, duel)

        losses = {"detection": l1_loss(drawn["mask"], true["mask"])}
        if o.removes:
            losses["removal"] = o.removal_weight * l1_loss(drawn["b"], true["b"])
        for duel, (domain, weight) in enumerate(zip(self.made, o.adversarial_weights, strict=False)):
            context = self.context(domain, true, drawn, o.loss.relativistic)  # the same ones, after the judges' step
            loss = criterion.generator(context.real_logits, context.fake_logits)
            losses |= {f"adversarial_{domain}": weight * loss, **self.extras("generator", context, duel)}
        yield Move("generator", **losses)

    letters: ClassVar[dict[str, str]] = Adversarial.letters | {
        "x": "what is true of an image a, beside it",
        "G(z)": "what was drawn, beside it",
        "M(a)": "the mask that is found",
        "R(a)": "the image without shadow that is drawn",
        "m": "the true mask",
        "b": "the true image without shadow",
    }

    def formulas(self, player: str) -> dict[str, str]:
        told, o = super().formulas(player), self.options
        removal = {"removal": times(o.removal_weight, "|R(a) - b|")} if o.removes else {}
        return told | ({"detection": "|M(a) - m|"} | removal if player == "generator" else {})

    def judgement(self, duel: Duel, side: str) -> dict[str, str]:
        weight = self.options.adversarial_weights[self.made.index(duel.name)] if side == "generator" else 1.0
        return {f"adversarial{duel.suffix}": times(weight, self.options.loss.formula(side))}

    def draw(self, a: Tensor, mask: Tensor | None = None) -> dict[str, Tensor]:
        """The mask [N, 1, H, W] of images a [N, C, H, W], drawn or as it is given, and the images without shadow: by
        domain.

        Errors of the second flow back through a mask that was drawn.
        """
        drawn = {"mask": full(self.generator["mask"](a)) if mask is None else mask}
        if self.options.removes:
            drawn["b"] = full(self.generator["b"](torch.cat((a, drawn["mask"]), 1)))
        return drawn

    def context(
        self, domain: str, true: Mapping[str, Tensor], drawn: Mapping[str, Tensor], compares: bool = True
    ) -> Context:
        """What the discriminator of a domain says of what was drawn and, if the loss `compares`, of what is true.

        It sees all up to its domain: the image and the mask, or both and the image without shadow.
        """
        seen = self.domains[: self.domains.index(domain) + 1]
        real, fake = (torch.cat([x[key] for key in seen], 1) for x in (true, {"a": true["a"], **drawn}))
        score = partial(self.score, domain)
        return Context.of(score, real, fake, score(real) if compares else None, score(fake))

    def score(self, domain: str, x: Tensor) -> Tensor:
        """The logits [N, 1, h, w] of the patches of x [N, K, H, W], the input of a domain's discriminator, as the views
        show it.
        """
        return full(self.discriminator[domain](self.seen(x, self.made.index(domain))))

    @property
    def ways(self) -> tuple[tuple[str, str], ...]:
        return tuple(("a", domain) for domain in self.domains[1:])

    @property
    def written(self) -> tuple[str, ...]:
        return self.domains[1:]

    @property
    def beside(self) -> tuple[str, ...]:
        return ("mask",) if self.options.removes else ()

    def multiple(self, start: str, to: str) -> int:
        return 2**self.levels

    @torch.no_grad()
    def translate(self, batch: Batch, to: str) -> Tensor:
        """A mask in the batch takes the place of the one that would be found: it is the mask, and what is removed."""
        start, to = self.way("a", to)
        a, given = self.planes(batch, start), self.planes(batch, "mask") if "mask" in batch else None
        if to == "mask":
            return self.generator["mask"](a) if given is None else given
        return self.draw(a, given)[to]


def _detached(images: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key: x.detach() for key, x in images.items()}
