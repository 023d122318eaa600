"""What games that draw what a text says have in common."""

from abc import ABC
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ..base import dist
from ..base.errors import UsageError
from ..base.precision import full
from ..base.ranges import PositiveInt, ShareBelowOne
from ..losses import AdversarialLoss, NonSaturating
from ..nets.embedding import JOINT, ImageEncoder, joint_embedding, matched
from ..nets.stackgan import TextLogits
from ..nets.text import CharCNNRNN, TextEncoder
from ..optim import Adam, Optim, OwnOptim, Steps
from ..spec import Batch, Condition, DataSpec
from ..spec.text import to_texts
from ..tasks import Form, Move, Port, Synthesis, seen
from ._adversarial import Adversarial

EXAMPLES = 8  # texts of the data, in an exported file's facts
HALVED = Steps(at=tuple(k / 6 for k in range(1, 6)), factor=0.5)  # in every 100th epoch of 600


class TextToImage(Adversarial, Synthesis, ABC):
    """An encoder first learns to read, together with one for images; then it stays as it is, and the game begins.

    Wherever a game takes a text, it may be the bytes of a caption, int64 [N, length], or embedded, float [N, E].
    """

    needs: tuple[str, ...] = ("image", "caption")
    generator: Any
    discriminator: Any
    text_encoder: Any

    @dataclass(frozen=True)
    class Options(Adversarial.Options, Synthesis.Options):
        text: TextEncoder = CharCNNRNN()  # what reads the captions
        text_share: ShareBelowOne = 0.1
        """share of the run in which it learns to read, before the game begins; 0: it never does"""
        image_width: PositiveInt = 64  # channels of the largest map of the image encoder that learns beside it
        text_optim: Optim = Adam(lr=1e-3, betas=(0.9, 0.999))  # of the encoders in that share
        loss: AdversarialLoss = NonSaturating()  # adversarial loss
        optim: Optim = Adam(lr=2e-4)  # of all players
        discriminator_optim: OwnOptim = None  # where it differs, as in TTUR

        @property
        def told(self) -> bool:
            return True

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.loss.relativistic:
                raise UsageError(
                    f"{type(self.loss).__name__} compares each fake with a real sample, but a discriminator of texts "
                    "also judges wrong pairs; choose a loss that is not relativistic, such as NonSaturating"
                )

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        o, self.text_dim, self.reads = self.options, 0, False
        if "caption" not in self.needs:
            return
        assert data.condition
        self.text_dim, self.any_words = o.text.dims, o.text.any_words
        self.text_encoder = o.text.build(data.condition)
        self.reads = o.text_share > 0 and any(p.requires_grad for p in self.text_encoder.parameters())
        if self.reads:
            self.image_encoder = ImageEncoder(data, o.text.dims, o.image_width)
        else:
            self.text_encoder.requires_grad_(False)

    @property
    def condition(self) -> Condition | None:
        """A text, where the game was given the texts of its samples."""
        return self.data.condition if "caption" in self.needs else None

    @property
    def companion(self) -> str:
        return "text" if self.text_dim else ""

    def optim(self, player: str) -> Optim:
        return self.options.text_optim if player in ("text_encoder", "image_encoder") else super().optim(player)

    def check_batch(self, n: int) -> None:
        super().check_batch(n)
        if n * dist.world() < 2:
            raise UsageError(
                f"{type(self).__name__} needs 2 samples or more at a time, for batch norm and for wrong texts; this "
                f"is {n}; choose a larger --plan.batch, or fewer micro-batches"
            )

    def learns_to_read(self) -> bool:
        """In this round?"""
        return self.reads and self.progress < self.options.text_share

    def has_staged(self, progress: float) -> bool:
        return self.reads and progress >= self.options.text_share

    letters: ClassVar[dict[str, str]] = Adversarial.letters | {
        "x": "an image with its own text",
        "v, t": "the codes of an image and of a text",
    }

    def formulas(self, player: str) -> dict[str, str]:
        if player in ("text_encoder", "image_encoder"):
            return {"joint": JOINT} if self.reads else {}
        return super().formulas(player)

    def reading(self, batch: Batch) -> Move:
        """A step towards images and captions that know each other.  Reed et al., 2016, Eq. 1 to 4"""
        image, text = full(self.image_encoder(batch["image"])), full(self.text_encoder(batch["caption"]))
        self.note(matched=matched(image, text, batch["caption"]))
        return Move("text_encoder", "image_encoder", joint=joint_embedding(image, text, batch["caption"]))

    @torch.no_grad()
    def embed(self, label: Tensor) -> Tensor:
        """Embedded texts [N, E] of captions int64 [N, length]; what is embedded already stays as it is.

        Embeddings are normalised to a mean square of 1, so that their scale does not depend on the encoder.
        """
        if label.is_floating_point():
            return label
        return self.scaled(self.text_encoder(label))

    def scaled(self, text: Tensor) -> Tensor:
        """Embeddings [N, E] at a mean square of 1 → same shape."""
        text = full(text).to(self.dtype)
        return nn.functional.normalize(text) * text.shape[1] ** 0.5

    def _drawn(self) -> Form | str:
        """From z and the numbers of texts, which its encoder's tokenizer gives."""
        if self.told_beside is None:
            return super()._drawn()
        encoder = self.text_encoder
        if encoder.tokenizer is None:
            return "its texts are read by a function that a program plugs in, which no file holds"

        shown = {"examples": to_texts(torch.tensor(self.data.distribution[:EXAMPLES]))}

        def compute(z: Tensor, ids: Tensor) -> tuple[Tensor, ...]:
            return tuple(self.together(z, self.scaled(encoder.read(ids))).values())

        def draw(n: int, larger: bool) -> tuple[Tensor, ...]:
            label = self.draw_label(n)
            assert label is not None
            return self.noise(n, label).cpu(), encoder.ids(label.cpu())

        return Form(
            compute=compute,
            draw=draw,
            inputs=(self.latent_port(), Port("text", "int64: the numbers of a text, as tokenizer.json says", shown)),
            outputs=tuple(seen(key, self.data.fields[key]) for key in self.drawn_keys),
            tokenizer=encoder.tokenizer,
        )

    def text_of(self, z: Tensor, label: Tensor | None) -> Tensor | None:
        """The embedded texts [N, E] of labels [N, L] for z [N, z_dim], or of labels drawn from the data where none are
        given.
        """
        label = self.draw_label(z.shape[0]) if label is None else label
        return None if label is None else self.embed(label)


def compared(network: Any, real: Tensor, fake: Tensor, c: Any, other: Any) -> tuple[TextLogits, TextLogits, TextLogits]:
    """The discriminator's output for real images with their texts, real images with other texts, and fakes.

    real and fake are both [N, C, H, W]; each logit is [N].
    """
    features = network.features(real)
    wrong = TextLogits(None, None) if other is None else network.match(features, other)
    return network.match(features, c), wrong, network(fake, c)


def joined(*logits: Tensor | None) -> Tensor:
    """Those that there are, in one row [M]: a mean over it weighs each kind alike, as there are [N] of each."""
    return torch.cat([full(x) for x in logits if x is not None])


def persuasion(loss: AdversarialLoss, outputs: TextLogits) -> Tensor:
    """What the generator minimises, [], summed over the discriminator's logits of its images."""
    return torch.stack([loss.generator(None, full(logits)) for logits in outputs if logits is not None]).sum()


def divergence(mean: Tensor, log_var: Tensor) -> Tensor:
    """KL(N(μ, σ²) ‖ N(0, 1)), both [N, K]: a mean [] over texts and, as in the codes of StackGAN, dimensions."""
    mean, log_var = full(mean), full(log_var)
    return (mean.square() + log_var.exp() - 1 - log_var).mean() / 2
