"""DTN. Unsupervised Cross-Domain Image Generation. Taigman, Polyak and Wolf, 2016. https://arxiv.org/abs/1611.02200

An encoder f learns the classes of the source domain, and does not change after that. G = g∘f draws images of the target
domain from the code of f. An image of the source and its translation must have the same code (L_CONST), and an image of
the target must stay as it is (L_TID). The discriminator has three classes: translated images of the source, translated
images of the target, and the target itself (Section 4). Only the source has labels. The weights are those for digits;
for faces the paper has constancy_weight 100, identity_weight 1 and smooth_weight 0.05. Layers and rate of a public
re-implementation.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, cross_entropy, mse_loss

from ..base.errors import UsageError
from ..base.formulas import weighed
from ..base.precision import full
from ..base.ranges import OpenShare, PositiveInt, Weight
from ..context import Context
from ..nets import dtn
from ..optim import Adam, Optim
from ..spec import Batch, DataSpec
from ..tasks import Move, Translation
from ._adversarial import Adversarial
from ._taught import KEY, check_classes, classes_of

OF_SOURCE, OF_TARGET, REAL = range(3)  # what the discriminator tells apart


class DTN(Adversarial, Translation):
    in_short = "An encoder that knows the classes carries images into another domain."
    group = "unpaired"
    needs = ("a", "b", KEY)
    batch = 100
    criterion = None  # of three classes
    moves_latents = False

    @dataclass(frozen=True)
    class Options(Adversarial.Options, Translation.Options):
        constancy_weight: Weight = 15.0  # α: of the change of f's code by translation; 0: no such loss
        identity_weight: Weight = 15.0  # β: of the change of an image of the target by translation
        smooth_weight: Weight = 0.0  # γ: of the differences of neighbouring pixels
        distance: Literal["mse", "cosine"] = "mse"  # d: between two codes; the paper's for faces is the cosine
        pretraining: OpenShare = 0.25  # share of the run in which the encoder learns the classes of the source
        code: PositiveInt = 128  # numbers in a code
        width: PositiveInt = 64  # channels of the encoder's largest map; the others have twice as many
        optim: Optim = Adam(lr=3e-4, betas=(0.9, 0.999))  # of all players

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        o, classes = self.options, classes_of(data, "DTN")
        source, target = ((data.fields[key].planes, *self.size(key)) for key in "ab")
        self.encoder = dtn.Encoder(source, o.code, classes, o.width)
        self.generator = dtn.decoder(target, o.code, o.width)
        shown = self.add_duel(DataSpec.of(target)).shape
        self.discriminator = dtn.discriminator((shown[0], *self.size("b")), o.width)
        self.check_duels()

    def check_data(self) -> None:
        check_classes(self.data, "DTN")
        super().check_data()
        a, b = (self.data.fields[key].planes for key in "ab")
        if a != b and 1 not in (a, b):
            raise UsageError(
                f"DTN's encoder sees images of both domains: those of one may be grey, or both have as many channels; "
                f"these have {a} and {b}; bring them to as many with data.channels"
            )

    @property
    def domains(self) -> tuple[str, ...]:
        return ("a", "b")

    @property
    def ways(self) -> tuple[tuple[str, str], ...]:
        return (("a", "b"),)

    def has_staged(self, progress: float) -> bool:
        return progress >= self.options.pretraining

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        o = self.options
        if self.progress < o.pretraining:
            batch = next(batches)
            classes = full(self.encoder.classes(self.encoder.train()(self.planes(batch, "a"))))
            self.note(named_rightly=(classes.argmax(1) == batch[KEY]).float())
            yield Move("encoder", classes=cross_entropy(classes, batch[KEY]))
            return

        self.encoder.eval()  # f is fixed: its weights, and the statistics of its norms
        steps = self.steps()
        for step in range(steps):
            batch = next(batches)
            a, b = self.planes(batch, "a"), self.planes(batch, "b")
            with torch.no_grad():
                code = torch.cat((self.encoder(a), self.encoder(self.as_source(b))))
            with torch.set_grad_enabled(step == steps - 1):
                fakes = full(self.generator(code))  # of both domains in one batch, whose statistics are those in use
            logits = [self.judge(x) for x in (*fakes.detach().split(len(a)), b)]
            context = self.context(b, fakes.detach()[: len(a)], logits[REAL], logits[OF_SOURCE])
            self.note(d_real=context.real_logits.sigmoid(), d_fake=context.fake_logits.sigmoid())
            told_apart = torch.stack([naming(each, kind) for kind, each in enumerate(logits)]).sum()
            yield Move("discriminator", adversarial=told_apart, **self.extras("discriminator", context))
            self.adapt(context.real_logits)

        drawn, kept = fakes.split(len(a))
        logits = [self.judge(x) for x in (drawn, kept)]
        context = self.context(b, drawn, None, logits[OF_SOURCE])
        yield Move(
            "generator",
            adversarial=torch.stack([naming(each, REAL) for each in logits]).sum(),
            constancy=o.constancy_weight * self.apart(code[: len(a)], drawn) if o.constancy_weight else None,
            identity=o.identity_weight * mse_loss(kept, b) if o.identity_weight else None,
            smooth=o.smooth_weight * total_variation(fakes) if o.smooth_weight else None,
            **self.extras("generator", context),
        )

    letters: ClassVar[dict[str, str]] = Adversarial.letters | {
        "D": "the discriminator's three probabilities",
        "a": "an image of the source",
        "b": "one of the target",
        "f": "the encoder",
        "G(a)": "g(f(a))",
    }

    def formulas(self, player: str) -> dict[str, str]:
        o, told = self.options, super().formulas(player)
        apart = "‖f(G(a)) - f(a)‖²" if o.distance == "mse" else "(1 - cos(f(G(a)), f(a)))"
        if player == "encoder":
            return {"classes": "-log p(y | f(a))"}
        if player == "discriminator":
            return {"adversarial": "-log D₁(G(a)) - log D₂(G(b)) - log D₃(b)"} | told
        return told | weighed(
            adversarial=(1.0, "-log D₃(G(a)) - log D₃(G(b))"),
            constancy=(o.constancy_weight, apart),
            identity=(o.identity_weight, "‖G(b) - b‖²"),
            smooth=(o.smooth_weight, "TV(G(a), G(b)), the total variation"),
        )

    def judge(self, x: Tensor) -> Tensor:
        """Logits [N, 3] of images x [N, C, H, W] of the target domain as the views show them."""
        return full(self.discriminator(self.seen(x)))

    def context(self, real: Tensor, fake: Tensor, real_logits: Tensor | None, fake_logits: Tensor) -> Context:
        """Images of the target and drawings of the source, both [N, C, H, W], for penalties.

        The logits are those of the third class against the others, of logits, both [N, 3].
        """
        logits = (None if each is None else real_margin(each) for each in (real_logits, fake_logits))
        return Context.of(lambda x: real_margin(self.judge(x)), real, fake, *logits)

    def apart(self, code: Tensor, drawn: Tensor) -> Tensor:
        """d(f(x), f(G(x))), a mean [] over images, for code [N, K] and drawn [N, C, H, W].

        Of squares it is a mean over the numbers of a code too.
        """
        again = full(self.encoder(self.as_source(drawn)))
        if self.options.distance == "cosine":
            return (1 - cosine_similarity(full(code), again)).mean()
        return mse_loss(again, full(code))

    def as_source(self, x: Tensor) -> Tensor:
        """Images x [N, C, H, W] of the target with the source's channels, [N, C', H, W].

        Grey ones are repeated, coloured ones averaged.
        """
        channels = self.data.fields["a"].planes
        return x if x.shape[1] == channels else x.mean(1, keepdim=True).expand(-1, channels, -1, -1)

    @property
    def sized(self) -> bool:
        return True  # one kernel sees all that is left of an image

    def multiple(self, start: str, to: str) -> int:
        return dtn.MULTIPLE

    @torch.no_grad()
    def code(self, batch: Batch, domain: str) -> Tensor:
        """f(x), [N, code], of images of either domain."""
        x = self.planes(batch, domain)
        return self.encoder(self.as_source(x) if domain == "b" else x)

    @torch.no_grad()
    def translate(self, batch: Batch, to: str) -> Tensor:
        start, _ = self.way("a", to)
        return self.generator(self.code(batch, start))


def naming(logits: Tensor, kind: int) -> Tensor:
    """-E log D_kind, of logits [N, 3].  Returns []."""
    return cross_entropy(logits, torch.full((len(logits),), kind, device=logits.device))


def real_margin(logits: Tensor) -> Tensor:
    """The logit [N] of "an image of the target" against both kinds of fakes together, of logits [N, 3]: its σ is D₃."""
    return logits[:, REAL] - logits[:, :REAL].logsumexp(1)


def total_variation(x: Tensor) -> Tensor:
    """The distance [] of pixels [N, C, H, W] from those to the right and below: summed over an image, then the mean."""
    across, down = x[:, :, :-1, 1:] - x[:, :, :-1, :-1], x[:, :, 1:, :-1] - x[:, :, :-1, :-1]
    return (across.square() + down.square() + 1e-8).sqrt().sum((1, 2, 3)).mean()  # a root of 0 has no gradient
