"""caption-words: the words of 96 captions, "a small red circle at the left"; 24 are held out

A guest in one file: a source, a network, a game and three metrics, for short sequences of words.

    saddle train token-gan --plugin examples/token_gan.py --data caption-words --plan.minutes 1
    saddle evaluate runs/token-gan-caption-words --plugin examples/token_gan.py
    python examples/token_gan.py runs/token-gan-caption-words

A word is no number that could be moved a little, so the gradient of a discriminator has nowhere to go. Each word is
therefore drawn by a Gumbel-softmax (https://arxiv.org/abs/1611.01144): the discriminator sees a whole word, a 1 among
0s, and the generator learns as if it had shown the probabilities (the straight-through estimator). GANs for Sequences
of Discrete Elements with the Gumbel-softmax Distribution. Kusner and Hernández-Lobato, 2016.
https://arxiv.org/abs/1611.04051
"""

import sys
from dataclasses import dataclass

import numpy as np
import torch
from saddle.errors import UsageError
from torch import Tensor, nn

import saddle
from saddle.base import rng
from saddle.data import DataOptions, Source, Split
from saddle.data.fingerprint import fingerprint
from saddle.data.source import Judged
from saddle.games.wgan_gp import WGANGP
from saddle.metrics.evidence import Seen
from saddle.metrics.ingredients import SAMPLES
from saddle.metrics.metric import Metric
from saddle.nets.network import Discriminator, Network
from saddle.optim import Adam, Optim
from saddle.penalties import GradientPenalty, Penalty
from saddle.spec import DataSpec, Field
from saddle.spec.grammar import COMBINATIONS, HELD_OUT, caption

CAPTIONS = [caption(combination) for combination in COMBINATIONS]
WORDS = sorted({word for text in CAPTIONS for word in text.split()})
LENGTH = len(CAPTIONS[0].split())  # words of a caption: all have as many
SCORES = ("grammatical", "distinct", "held_out_share")
EACH = 20  # times that a caption is there, so that a batch may be larger than the number of captions


# The data: a sequence of L words of V is a signal [V, L], 1 where the word is and 0 elsewhere.


def to_words(sequences: Tensor) -> list[str]:
    """[N, V, L] → N texts, at each place the word with the greatest number."""
    return [" ".join(WORDS[i] for i in row) for row in sequences.argmax(1).tolist()]


def one_hot(texts: list[str]) -> np.ndarray:
    """N texts of L words → float32 [N, V, L]."""
    numbers = np.array([[WORDS.index(word) for word in text.split()] for text in texts])
    return np.eye(len(WORDS), dtype=np.float32)[numbers].transpose(0, 2, 1)


def open(options: DataOptions, path: str) -> Source:
    """Key image: signals [V, L]."""
    options.allow()
    known, held = ([t for t, out in zip(CAPTIONS, HELD_OUT, strict=True) if out == which] for which in (False, True))
    train, heldout = one_hot(known * EACH), one_hot(held)
    spec = DataSpec({"image": Field("signal", train.shape[1:])})
    judged = Judged(early=SCORES, final=SCORES)
    parts = Split({"image": train}), Split({"image": heldout})
    return Source(options.source, spec, *parts, fingerprint(train, heldout), judged=judged)


# The players.


class Writer(nn.Module):
    """Latents [N, z_dim] → one word at each place, [N, V, L]: 1 where the word is, with the gradient of probabilities.

    In training the words are drawn; in use each is the most probable one, so that a latent always says the same.
    """

    def __init__(self, z_dim: int, words: int, length: int, width: int, temperature: float):
        super().__init__()
        self.temperature = temperature
        self.layers = nn.Sequential(
            *(nn.Linear(z_dim, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()),
            *(nn.Linear(width, words * length), nn.Unflatten(1, (words, length))),
        )

    def forward(self, z: Tensor) -> Tensor:
        scores = self.layers(z).float()
        if self.training:
            uniform = rng.rand(*scores.shape, device=scores.device).clamp(1e-6, 1 - 1e-6)
            scores = scores - (-uniform.log()).log()  # Gumbel noise: the greatest of them is a draw by softmax
        soft = (scores / self.temperature).softmax(1)
        hard = torch.zeros_like(soft).scatter(1, soft.argmax(1, keepdim=True), 1.0)
        return hard + soft - soft.detach()


@dataclass(frozen=True)
class Tokens(Network):
    """Fully connected players for words."""

    takes = ("signal",)

    width: int = 128  # units of a hidden layer
    temperature: float = 1.0  # of the Gumbel-softmax: nearer 0 is nearer to words, with gradients of more variance

    def __post_init__(self) -> None:
        if self.width < 1 or not self.temperature > 0:
            raise UsageError(f"width is at least 1 and temperature above 0, not {self.width} and {self.temperature}")

    def generator(self, z_dim: int, data: DataSpec) -> nn.Module:
        words, length = data.shape
        return Writer(z_dim, words, length, self.width, self.temperature)

    def discriminator(self, data: DataSpec) -> Discriminator:
        words, length = data.shape
        trunk = nn.Sequential(
            *(nn.Flatten(), nn.Linear(words * length, self.width), nn.LeakyReLU(0.2)),
            *(nn.Linear(self.width, self.width), nn.LeakyReLU(0.2)),
        )
        return Discriminator(trunk, nn.Linear(self.width, 1))


class TokenGAN(WGANGP):
    """Token GAN. WGAN-GP on words by a straight-through Gumbel-softmax. An example of a guest."""

    @dataclass(frozen=True)
    class Options(WGANGP.Options):
        z_dim: int = 32  # numbers in a latent
        network: Network = Tokens()  # the architecture of both players
        penalties: tuple[Penalty, ...] = (GradientPenalty(weight=10.0),)  # λ, on the critic
        discriminator_steps: int = 3  # the critic's steps to one of the generator
        optim: Optim = Adam(lr=5e-4, betas=(0.5, 0.9))  # of both players

    options: Options


# The metrics.


def is_grammatical(text: str) -> bool:
    return text in CAPTIONS


SAID = Seen("said", of=SAMPLES, look=lambda drawn: drawn.images.argmax(1))


def share(true: list[bool]) -> tuple[float, float]:
    """The share, and its standard error."""
    p = sum(true) / max(len(true), 1)
    return p, float(np.sqrt(p * (1 - p) / max(len(true), 1)))


def texts_of(evidence) -> list[str]:
    return [" ".join(WORDS[i] for i in row) for row in evidence[SAID].tolist()]


def distinct(evidence) -> tuple[float, float]:
    return len({text for text in texts_of(evidence) if is_grammatical(text)}) / len(CAPTIONS), 0.0


def held_out_share(evidence) -> tuple[float, float]:
    held = {text for text, out in zip(CAPTIONS, HELD_OUT, strict=True) if out}
    return share([text in held for text in texts_of(evidence) if is_grammatical(text)])


METRICS = {
    "grammatical": Metric(
        "share of texts that are captions, known or held out",
        "higher",
        (SAID,),
        lambda e: share([is_grammatical(text) for text in texts_of(e)]),
    ),
    "distinct": Metric("share of the 120 captions that were written at least once", "higher", (SAID,), distinct),
    "held_out_share": Metric(
        "share of the captions that were held out: 0.2 where all are equally likely, 0 where it only repeats",
        "higher",
        (SAID,),
        held_out_share,
    ),
}


if __name__ == "__main__":
    for text in sorted(set(to_words(saddle.load(sys.argv[1]).sample(64)))):
        print(text, "" if is_grammatical(text) else "  (no caption)")
