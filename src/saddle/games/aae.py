"""AAE. Adversarial Autoencoders. Makhzani et al., 2015. https://arxiv.org/abs/1511.05644

A discriminator compares the codes of an autoencoder with draws from a prior, so that the distribution of codes becomes
the prior and the decoder a generator. Every batch passes through phases (Section 2): reconstruction, by encoder and
decoder; the discriminator's step, prior draws being real; the encoder's step against it, with an optimizer of its own.

With `supervision full` the decoder is given the class, which leaves the style to the code (Section 4). With `semi` the
encoder estimates the class too. A second discriminator makes that estimate one-hot, and the images with a label teach
it (Section 5).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, mse_loss, one_hot

from ..base import rng
from ..base.errors import UsageError
from ..base.precision import full
from ..base.ranges import NonNegativeFloat, PositiveFloat, PositiveInt
from ..context import Context
from ..losses import AdversarialLoss, NonSaturating
from ..nets import aae
from ..optim import SGD, Constant, Optim
from ..spec import Batch, DataSpec
from ..tasks import Classification, Move
from ._adversarial import Adversarial, Duel
from ._coded import Coded


class AAE(Adversarial, Coded, Classification):
    in_short = "A discriminator makes the codes of an autoencoder follow a prior that you choose."
    group = "encode"
    moves_latents = False
    phases = {"regularisation": "encoder", "classification": "encoder"}  # noqa: RUF012

    @dataclass(frozen=True)
    class Options(Adversarial.Options, Coded.Options):
        z_dim: int = 8  # numbers in a latent
        scale: PositiveFloat = 1.0  # factor on the prior's draws; 5 for two latents in the paper
        supervision: Literal["none", "semi", "full"] = "none"  # what labels are for: nothing, classes, style
        width: PositiveInt = 1000  # units of a hidden layer
        input_noise: NonNegativeFloat = 0.0  # deviation of the normal noise on the images that the encoder learns from
        loss: AdversarialLoss = NonSaturating()  # adversarial loss
        optim: Optim = SGD(lr=0.01, momentum=Constant(0.9))  # of reconstruction and classification
        adversarial_optim: Optim = SGD(lr=0.1, momentum=Constant(0.9))  # of discriminator and regularisation

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        o, classes = self.options, len(self.labels)
        guessed = classes if o.supervision == "semi" else 0
        self.encoder = aae.encoder(o.z_dim + guessed, data, o.width)
        self.generator = aae.decoder(self.code_dim, data, o.width)
        shown = self.add_duel(DataSpec.of((o.z_dim,)), "", "discriminator.style", "encoder").shape[0]
        if guessed:
            guessed = self.add_duel(DataSpec.of((guessed,)), "classes", "discriminator.classes", "encoder").shape[0]
        self.discriminator = aae.CodeJudges(shown, guessed, o.width)
        self.check_duels()

    def check_data(self) -> None:
        if self.options.supervision != "none":
            self.needs = ("image", "label")
            self.takes_unlabelled = self.options.supervision == "semi"
        super().check_data()

    def optim(self, player: str) -> Optim:
        o = self.options
        return o.adversarial_optim if player in ("discriminator", "regularisation") else o.optim

    @property
    def labels(self) -> tuple[str, ...]:
        return () if self.options.supervision == "none" else self.data.classes

    def prior_parts(self, numbers: int, beside: int = 0) -> list[dict[str, Any]]:
        z, *rest = super().prior_parts(numbers, beside)
        scale = self.options.scale
        scaled: dict[str, Any] = {name: scale * z[name] for name in ("low", "high") if name in z}
        return [z | (scaled or {"scale": scale}), *rest]

    def prior(self, n: int) -> Tensor:
        return self.options.scale * super().prior(n)

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        loss, semi = self.options.loss.at(self.progress), self.options.supervision == "semi"
        batch = next(batches)
        real = batch["image"]

        code = self.code(self.noisy(real), batch.get("label"))
        yield Move("encoder", "generator", reconstruction=mse_loss(full(self.generator(code)), full(real)))

        for step in range(self.steps()):
            if step:
                batch = next(batches)
                real = batch["image"]
            with torch.no_grad():
                z, belief = self.encoded(self.noisy(real))
            of_code = self.context(0, self.prior(len(real)), z)
            of_class = self.context(1, self.dealt(len(real)), belief) if semi else None
            self.note(d_real=loss.output(of_code.real_logits), d_fake=loss.output(of_code.fake_logits))
            yield Move("discriminator", **self.pays("discriminator", loss.discriminator, of_code, of_class))
            self.adapt(of_code.real_logits)
            if of_class:
                self.adapt(of_class.real_logits, 1)

        z, belief = self.encoded(self.noisy(real))
        of_class = self.context(1, self.dealt(len(real)), belief) if semi else None
        of_code = self.context(0, self.prior(len(real)), z)
        losses = self.pays("generator", loss.generator, of_code, of_class)
        yield Move("encoder", phase="regularisation", **losses)

        if semi:
            yield Move("encoder", phase="classification", label=self.mistakes(self.noisy(real), batch["label"]))

    letters: ClassVar[dict[str, str]] = Adversarial.letters | {
        "x": "a draw from the prior, of codes or of classes",
        "G(z)": "what the encoder finds",
        "v": "an image",
        "E(v)": "its code",
        "Dec": "the decoder, which is the generator",
    }

    def formulas(self, player: str) -> dict[str, str]:
        told, noisy = super().formulas(player), " + ε" * (self.options.input_noise > 0)
        own = {"reconstruction": f"‖Dec(E(v{noisy})) - v‖²"} if player in ("encoder", "generator") else {}
        if player == "encoder" and self.options.supervision == "semi":
            own["label"] = f"-log p(y | v{noisy}), of the images with a label"
        return told | own

    def judgement(self, duel: Duel, side: str) -> dict[str, str]:
        return {duel.name or "adversarial": self.options.loss.formula(side)}

    def noisy(self, image: Tensor) -> Tensor:
        """Images [N, C, H, W] with noise, for the encoder → same shape: it cannot memorise a set of codes."""
        if not self.options.input_noise:
            return image
        return image + self.options.input_noise * rng.randn(*image.shape, device=image.device).to(image)

    def encoded(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """z [N, z_dim], and what is believed of the class [N, K]; K is 0 unless the encoder finds it."""
        z, logits = full(self.encoder(image)).tensor_split([self.options.z_dim], dim=1)
        return z, logits.softmax(1)

    def code(self, image: Tensor, label: Tensor | None) -> Tensor:
        """The latents [N, code_dim] of images [N, C, H, W]: z and the class, which labels [N] give or the encoder
        estimates.
        """
        z, belief = self.encoded(image)
        return self.with_class(z, label) if self.encodes_with_label else torch.cat((z, belief), dim=1)

    def mistakes(self, image: Tensor, label: Tensor) -> Tensor:
        """The cross-entropy [] of images [N, C, H, W] with known labels [N].

        The sum is divided by the number of all images: then the mean over micro-batches is that of the batch.
        """
        logits = full(self.encoder(image))[:, self.options.z_dim :]
        return cross_entropy(logits, label, ignore_index=-1, reduction="sum") / len(image)

    def dealt(self, n: int) -> Tensor:
        """Classes as one-hot vectors.  [n, K]"""
        label = self.draw_label(n)
        assert label is not None
        return one_hot(label, len(self.labels)).to(self.dtype)

    def pays(
        self, player: str, loss: Callable[[Tensor, Tensor], Tensor], of_code: Context, of_class: Context | None
    ) -> dict[str, Any]:
        """The penalties on the "discriminator" or on the encoder, by name; those on the encoder count once."""
        losses = {"adversarial": loss(of_code.real_logits, of_code.fake_logits)}
        if of_class:
            losses["classes"] = loss(of_class.real_logits, of_class.fake_logits)
        losses |= self.extras(player, of_code)
        return losses | (self.extras(player, of_class, 1) if of_class and player == "discriminator" else {})

    def context(self, duel: int, real: Tensor, fake: Tensor) -> Context:
        """The context of draws from the prior and codes, both [N, K], or of one-hot classes and probabilities."""
        score = self.score_of_class if duel else self.score
        return Context.of(score, real, fake, score(real), score(fake))

    def score(self, z: Tensor) -> Tensor:
        """The logits [N] of codes [N, z_dim] as the views show them."""
        return full(self.discriminator(self.seen(z)))

    def score_of_class(self, probabilities: Tensor) -> Tensor:
        """The logits [N] of probabilities of the classes [N, K] as the views show them."""
        return full(self.discriminator.score_class(self.seen(probabilities, 1)))

    @property
    def encodes_with_label(self) -> bool:
        return self.options.supervision == "full"

    @torch.no_grad()
    def encode(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """z, then the class: estimated or, with `supervision full`, given by labels int64 [N].  [N, code_dim]"""
        if label is None and self.encodes_with_label:
            raise UsageError(f"aae encodes an image of a class here; say which with --label: {', '.join(self.labels)}")
        return self.code(image, label)

    @property
    def classifies(self) -> tuple[str, ...]:
        return self.data.classes if self.options.supervision == "semi" else ()

    @torch.no_grad()
    def classify(self, image: Tensor) -> Tensor:
        """Log-probabilities [N, K] of the classes. UsageError unless the encoder was taught them."""
        if not self.classifies:
            raise UsageError("this aae was not taught classes; train one with --game.supervision semi")
        return full(self.encoder(image))[:, self.options.z_dim :].log_softmax(1)
