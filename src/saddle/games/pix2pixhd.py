"""Pix2PixHD. High-Resolution Image Synthesis and Semantic Manipulation with Conditional GANs. Wang et al., 2018.
https://arxiv.org/abs/1711.11585

A global generator learns to draw image b from a label map or image a, at half the size. Then an enhancer around it
learns the full size: first alone, then both (Section 3.2). Discriminators look at three sizes, and their maps also
compare an image with the true one (Eq. 4). Outlines separate objects of one class (Section 3.3). An encoder describes
the look of each object; its codes are clustered, so that another look can be chosen (Section 3.4). Constants and layers
are those of the authors' code.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from ..base.errors import UsageError
from ..base.formulas import weighed
from ..base.known import known, put
from ..base.precision import full
from ..base.ranges import Few, FewOrZero, PositiveInt, Share, Weight
from ..context import Context
from ..layers.resample import enlarge
from ..losses import AdversarialLoss, HalfLeastSquares
from ..nets.scales import MATCHED, Maps, Scales, coarser, logits_of, matching
from ..nets.shapes import refuse
from ..nets.translator import Enhancer, translator
from ..optim import Adam, Linear, Optim, Restarted
from ..spec import Batch, DataSpec
from ..tasks import Move
from ._adversarial import PAIRED, Adversarial, Duel
from ._perceived import Perceived
from ._styles import Styles

ALL, COARSE, FINE = 0, 1, 2  # stages: everybody learns, the global generator alone, the enhancer alone


class Pix2PixHD(Perceived, Styles, Adversarial):
    in_short = "A network for half the size learns first, then one around it for the full size."
    group = "paired"
    paired = True
    batch = 1
    moves_latents = False
    stage: Tensor  # that was played last; that of the whole network before the first one

    @dataclass(frozen=True)
    class Options(Perceived.Options, Styles.Options, Adversarial.Options):
        loss: AdversarialLoss = HalfLeastSquares()  # adversarial loss of the logits of patches; the sum over scales
        matching_weight: Weight = 10.0  # λ: of the distance from true images in the discriminators' maps; 0: none
        enhancer: bool = True  # draw at twice the global generator's size; without, that one draws at the whole size
        coarse_share: Share = 0.5  # of the run, its beginning, in which the global generator learns alone
        fixed_share: Share = 0.025  # of the run, after that, in which the enhancer learns alone
        halvings: Few = 4  # of the global generator's maps; each doubles their channels
        blocks: Few = 9  # residual blocks of the global generator
        width: PositiveInt = 64  # channels of its largest maps, of which the enhancer has half
        enhancer_blocks: PositiveInt = 3  # residual blocks of the enhancer
        scales: Few | None = None  # sizes at which images are judged; by default 3 with the enhancer, else 2
        patch_layers: FewOrZero = 3  # 0, 1, 2, 3, 4, 5: patches of 1, 16, 34, 70, 142, 286 pixels
        discriminator_width: PositiveInt = 64  # channels of the discriminators' largest maps
        # the paper's 100 epochs at a constant rate and 100 in which it falls to 0; with the enhancer twice
        optim: Optim = Adam(lr=2e-4, schedule=Linear(begin=0.5))  # of all players

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.enhancer and (self.width % 2 or self.coarse_share + self.fixed_share >= 1):
                raise UsageError(
                    "with the enhancer, width is even and coarse_share and fixed_share leave a part of the run to both "
                    f"generators, not {self.width}, {self.coarse_share} and {self.fixed_share}"
                )

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        o, (height, width) = self.options, self.size("a")
        if not self.fits(height, width):
            sides = f"sides must be multiples of {self.multiple('a', 'b')}, and {self.smallest('a', 'b')} or more"
            refuse("pix2pixHD", height, width, self.fits, f"{sides} (game.halvings and game.enhancer change that)")
        seen, channels = self.seen_planes, data.fields["b"].planes
        inputs, factor = seen + (o.features if self.coded else 0), 1 + o.enhancer
        small = (inputs, height // factor, width // factor)
        self.generator = translator(small, o.blocks, o.width, channels, halvings=o.halvings)
        if o.enhancer:
            self.enhancer = Enhancer(inputs, o.enhancer_blocks, o.width // 2, channels)
        self.add_encoder()
        shown = self.add_duel(DataSpec.of((seen + channels, height, width))).shape[0]
        scales = o.scales or 2 + o.enhancer
        self.discriminator = Scales((shown, height, width), scales, o.patch_layers, o.discriminator_width)
        self.register_buffer("stage", torch.tensor(ALL))
        self.add_features("b")
        self.check_duels()

    @property
    def averaged(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("generator", *(["enhancer"] if self.options.enhancer else []), *(["encoder"] if self.coded else []))

    def check_data(self) -> None:
        super().check_data()
        self.check_drawn()

    def parts(self) -> tuple[Any, ...]:
        return self.options.loss, *super().parts()

    def optim(self, player: str) -> Optim:
        """With the enhancer there are two trainings, each with the whole schedule."""
        optim, o = super().optim(player), self.options
        again = o.enhancer and o.coarse_share > 0 and player != "features"
        return replace(optim, schedule=Restarted(optim.schedule, at=o.coarse_share)) if again else optim

    def stage_at(self, progress: float) -> int:
        o = self.options
        if not o.enhancer or progress >= o.coarse_share + o.fixed_share:
            return ALL
        return COARSE if progress < o.coarse_share else FINE

    def has_staged(self, progress: float) -> bool:
        return super().has_staged(progress) or self.stage_at(progress) != self.stage_at(0.0)

    def begin(self) -> bool:
        """Bring the game to its stage; True if another one begins with this round."""
        stage = self.stage_at(self.progress)
        begins = self.rounds > 0 and stage != known(self.stage)
        put(self.stage, stage)
        return begins

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        """The fake is drawn once; then both sides move from the same state, the generator first, as in the code."""
        before, begins, batch = known(self.stage), self.begin(), next(batches)
        seen, image, code = self.seen_of(batch), self.planes(batch, "b"), self.encoded(batch)
        yield from self.learn(image)

        fake = full(self.draw(seen, code))
        real, drawn = self.pairs(seen, image), self.pairs(seen, fake)
        of_real, of_fake = self.judged(real), self.judged(drawn)
        weight = self.options.matching_weight
        yield Move(
            *(name for name in self.averaged if name not in self.resting),
            forget=begins,
            adversarial=self.adversarial("generator", of_real, of_fake),
            matching=weight * matching(of_real, of_fake) if weight else None,
            perceptual=self.perceived(fake, self.at_stage(image)),
            **self.extras("generator", self.context(real, drawn, of_real, of_fake)),
        )
        self.remember(batch, code)

        for step in range(self.steps()):
            if step:
                batch = next(batches)
                seen, image = self.seen_of(batch), self.planes(batch, "b")
                with torch.no_grad():
                    drawn = self.pairs(seen, full(self.draw(seen, self.encoded(batch))))
                real = self.pairs(seen, image)
                of_real = self.judged(real)
            drawn = drawn.detach()
            of_fake = self.judged(drawn)
            context = self.context(real, drawn, of_real, of_fake)
            adversarial = self.adversarial("discriminator", of_real, of_fake)
            owed = self.extras("discriminator", context)
            yield Move("discriminator", forget=begins and before == COARSE, adversarial=adversarial, **owed)
            self.adapt(context.real_logits)

    @property
    def resting(self) -> tuple[str, ...]:
        """Those that wait in this stage."""
        return {ALL: (), COARSE: ("enhancer",), FINE: ("generator",)}[known(self.stage)]

    def draw(self, seen: Tensor, code: Tensor | None) -> Tensor:
        """Image b [N, C, H, W] of inputs `seen` [N, K, H, W] and codes [N, E, H, W].

        As long as the global generator is alone, b has half the size.
        """
        x = seen if code is None else torch.cat((seen, code.to(seen)), 1)
        if not self.options.enhancer:
            return self.generator(x)
        if known(self.stage) == COARSE:
            return self.generator(coarser(x))
        return self.enhancer(x, self.generator[:-3](coarser(x)))  # without its head

    def pairs(self, seen: Tensor, image: Tensor) -> Tensor:
        """What is judged, [N, K + C, h, w]: image b, true or drawn, beside the input `seen`; each is [N, …, H, W]."""
        return torch.cat((self.at_stage(seen), self.at_stage(image)), 1)

    def at_stage(self, x: Tensor) -> Tensor:
        """Images x [N, C, H, W] in the size that is drawn in this stage, [N, C, h, w]."""
        return coarser(x) if known(self.stage) == COARSE and x.shape[-1] == self.size("b")[1] else x

    def judged(self, pairs: Tensor) -> Maps:
        """The discriminators' maps of pairs [N, K, h, w]. Half images go to those that judge halves later on."""
        return self.discriminator(self.seen(pairs), int(known(self.stage) == COARSE))

    def adversarial(self, player: Literal["generator", "discriminator"], real: Maps, fake: Maps) -> Tensor:
        """The sum over the scales, not their mean.  []"""
        loss = self.options.loss.at(self.progress)
        each = [getattr(loss, player)(one[-1], other[-1]) for one, other in zip(real, fake, strict=True)]
        return sum(each[1:], each[0])

    letters: ClassVar[dict[str, str]] = Adversarial.letters | PAIRED

    def formulas(self, player: str) -> dict[str, str]:
        told, weight = super().formulas(player), self.options.matching_weight
        if player in ("generator", "enhancer"):
            told |= self.judgement(self.duels[0], "generator") | weighed(matching=(weight, MATCHED))
        return told

    def judgement(self, duel: Duel, side: str) -> dict[str, str]:
        return {"adversarial": f"{self.options.loss.formula(side)}; the sum over the sizes"}

    def context(self, real: Tensor, fake: Tensor, of_real: Maps, of_fake: Maps) -> Context:
        """The context of pairs, real and fake, both [N, K, h, w], with their maps."""
        return Context.of(self.score, real, fake, logits_of(of_real), logits_of(of_fake))

    def score(self, pairs: Tensor) -> Tensor:
        """The logits of the patches of all scales, [N, P]."""
        return logits_of(self.judged(pairs))

    def network(self, start: str, to: str) -> nn.Module | None:
        return None if self.outlined or self.options.enhancer else self.generator

    def multiple(self, start: str, to: str) -> int:
        return 2 ** (self.options.halvings + self.options.enhancer)

    def smallest(self, start: str, to: str) -> int:
        return 2 * self.multiple(start, to)

    def fits(self, height: int, width: int) -> bool:
        multiple = self.multiple("a", "b")
        return min(height, width) >= 2 * multiple and height % multiple == width % multiple == 0

    @torch.no_grad()
    def translate(self, batch: Batch, to: str) -> Tensor:
        """Objects look as the planes of a code under "code" say, or as clusters say that are asked for or drawn."""
        self.way("a", to)
        seen = self.seen_of(batch)
        image = self.draw(seen, self.imagined(batch) if self.coded else None)
        return enlarge(image, seen.shape[-1] // image.shape[-1])
